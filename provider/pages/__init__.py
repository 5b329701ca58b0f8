"""Pages for people: signing in, consent, their account, the front page. Here is the table of their URLs.

A page answers a parked request and sends the person back to whatever parked it, or does what a
button says. It never decides what an app gets; that is for `endpoints`.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint

from provider.pages import (
    account,
    account_endings,
    consent,
    device,
    front,
    logo,
    nothing_waits,
    open_app,
    other_browsers,
    password,
    sign_in,
)

blueprint = Blueprint("pages", __name__)

View = Callable[..., Any]
# Address, name, method, what answers.
URLS: tuple[tuple[str, str, str, View], ...] = (
    ("/", "front", "GET", front.show),
    ("/sign-in", "sign_in_alone", "GET", nothing_waits.show_alone),
    ("/sign-in/<handle:handle>", "sign_in", "GET", sign_in.show),
    ("/sign-in/<handle:handle>", "sign_in_submit", "POST", sign_in.submit),
    ("/consent/<handle:handle>", "consent", "GET", consent.show),
    ("/consent/<handle:handle>", "consent_submit", "POST", consent.submit),
    ("/account", "account", "GET", account.show),
    ("/account", "account_submit", "POST", account_endings.submit),
    ("/account/everywhere", "account_everywhere", "GET", account.show_everywhere),
    ("/account/everywhere", "account_everywhere_submit", "POST", account_endings.submit_everywhere),
    ("/account/others", "other_browsers", "GET", other_browsers.show),
    ("/account/others", "other_browsers_submit", "POST", other_browsers.submit),
    ("/account/password", "password", "GET", password.show),
    ("/account/password", "password_submit", "POST", password.submit),
    ("/apps/<client_id:client_id>/open", "open_app", "GET", open_app.show),
    ("/apps/<client_id:client_id>/logo", "logo", "GET", logo.show),
    ("/device", "device", "GET", device.show),
    ("/device", "device_submit", "POST", device.submit),
    ("/device/confirm", "device_confirm", "POST", device.decide),
)

for _rule, _name, _method, _view in URLS:
    blueprint.add_url_rule(_rule, _name, _view, methods=[_method])
