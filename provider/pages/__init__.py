"""Pages for people: signing in, consent, the front page. Here is the table of their URLs.

A page answers a parked request and sends the person back to the endpoint that parked it. It never
decides what an app gets; that is for `endpoints`.
"""

from flask import Blueprint

from provider.pages import consent, front, sign_in

blueprint = Blueprint("pages", __name__)
blueprint.add_url_rule("/", "front", front.show, methods=["GET"])
blueprint.add_url_rule("/sign-in", "sign_in_alone", sign_in.show_alone, methods=["GET"])
blueprint.add_url_rule("/sign-in/<handle>", "sign_in", sign_in.show, methods=["GET"])
blueprint.add_url_rule("/sign-in/<handle>", "sign_in_submit", sign_in.submit, methods=["POST"])
blueprint.add_url_rule("/consent/<handle>", "consent", consent.show, methods=["GET"])
blueprint.add_url_rule("/consent/<handle>", "consent_submit", consent.submit, methods=["POST"])
