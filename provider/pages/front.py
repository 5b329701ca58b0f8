"""The front page: what this site is, and whether the visitor is signed in."""

from flask import Response

from provider.web.current_session import current_session
from provider.web.layout import page
from provider.web.route import Route


def show() -> Response:
    """Show who is signed in in this browser, with a link to sign out."""
    found = current_session()
    return page("front.html", account=found and found.account, session=found and found.session)


ROUTE = Route(rule="/", name="front", view=show, answers_head=True)
