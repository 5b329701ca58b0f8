"""The browser of the current request, as a value for rooms that do not know the framework."""

from flask import request

from provider.authentication.browser import Browser
from provider.protocol.device import label_of
from provider.web import cookies
from provider.web.addresses import client_address
from provider.web.current_session import current_session


def this_browser() -> Browser:
    """Return the browser of the current request."""
    return Browser(
        ip=client_address(),
        device=label_of(request.user_agent.string),
        session=current_session(),
        proofs=tuple(cookies.browser_proofs()),
    )
