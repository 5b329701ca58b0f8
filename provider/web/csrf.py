"""Checks that a form was sent from our own page (SEC-304).

The token is derived from the browser's binding cookie and the form's purpose, so that nothing is stored
and a token of one form does not fit another. `Sec-Fetch-Site` and `Origin` are checked, too.
"""

import hmac

from flask import request

from provider.infrastructure import current
from provider.protocol.errors import InvalidRequest
from provider.web import cookies

FIELD = "csrf"
# Browsers send `none` when a person repeats a form by reloading.
_OUR_SITES = frozenset({"same-origin", "none"})


class ForgedRequest(InvalidRequest):
    """A form came from another site, or from a page that was opened before the browser was restarted."""

    status_code = 403
    redirectable = False


def token_for(purpose: str) -> str:
    """Return the token of a form with this purpose in this browser."""
    return current.secret_box().lasting_token("csrf", f"{cookies.bind_browser()} {purpose}")


def check(purpose: str) -> None:
    """Raise ForgedRequest unless this browser got the form from us, for this purpose."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OUR_SITES:
        raise ForgedRequest("the form was sent from another site")
    # Our pages say `Referrer-Policy: no-referrer`, which makes browsers send `Origin: null`.
    origin = request.headers.get("Origin", "null")
    if origin not in ("null", current.settings().issuer_origin) and site != "same-origin":
        raise ForgedRequest("the form was sent from another origin")
    browser = cookies.browser()
    sent = request.form.get(FIELD, "")
    if browser is None or not hmac.compare_digest(sent.encode(), token_for(purpose).encode()):
        raise ForgedRequest("the form does not belong to this browser")
