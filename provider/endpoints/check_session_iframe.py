"""The OP iframe (session §3.2): the one page of ours that lives inside the pages of apps."""

from flask import Response, abort

from provider.infrastructure import current
from provider.web import headers
from provider.web.layout import page
from provider.web.op_browser_state import cookie_name


def check_session_iframe() -> Response:
    """Answer with the page whose script tells an app whether the session changed, without a request."""
    if not current.settings().session_management:
        abort(404)
    headers.allow_framing()
    response = page("check_session_iframe.html", cookie_name=cookie_name())
    # It is the same for everybody, so that polling apps need not fetch it for every page of theirs.
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
