"""The OP iframe (session §3.2): the only page of ours that apps may frame."""

from flask import Response

from provider.web import headers
from provider.web.layout import page
from provider.web.op_browser_state import cookie_name
from provider.web.route import Route


def check_session_iframe() -> Response:
    """Answer with the page whose script tells an app whether the session changed, without a request."""
    headers.allow_framing()
    response = page("check_session_iframe.html", cookie_name=cookie_name())
    # The page is the same for everyone, so a polling app need not fetch it again for each of its own pages.
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


ROUTE = Route(
    rule="/session/check",
    name="check_session_iframe",
    view=check_session_iframe,
    is_offered=lambda settings: settings.session_management,
    discovery="check_session_iframe",
)
