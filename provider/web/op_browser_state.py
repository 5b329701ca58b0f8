"""The OP User Agent state of Session Management 1.0 §3.2: a random value that changes with the session.

It lies in a cookie that the OP iframe's script reads inside the pages of apps, so it is neither
HttpOnly nor kept from other sites, and must never prove anything: it is made of chance alone, we store
it nowhere, and nothing but a Session State is computed from it.
"""

import re

from flask import Response, request

from provider.infrastructure import current
from provider.infrastructure.opaque_tokens import new_handle
from provider.protocol.session_state import session_state
from provider.web import cookies
from provider.web.notes import notes

_NAME = "curfew_op_state"
_NOTE = "op_browser_state"
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
# Enough that two answers never share a salt, and short in the address that carries it.
_SALT_LENGTH = 22


def cookie_name() -> str:
    """Return the name under which the OP iframe finds the state."""
    return cookies.full_name(_NAME)


def session_state_parameter(client_id: str, redirect_uri: str) -> dict[str, str]:
    """Return `session_state` for an answer to this client; nothing unless the setting offers it."""
    if not current.settings().session_management:
        return {}
    salt = new_handle()[:_SALT_LENGTH]
    value = session_state(client_id, redirect_uri, browser_state=_state(), salt=salt)
    return {"session_state": value} if value else {}


def write(response: Response) -> Response:
    """Write the state into the response if it is new.

    session §3.2 wants another one at every sign-in, sign-out and change of person. All of these give or
    take the session's handle, so nothing that changes the session can forget about it.
    """
    if not current.settings().session_management:
        return response
    if cookies.changes_session() or _NOTE in notes():
        secure = current.settings().is_https
        # Browsers take SameSite=None with Secure alone, and so not from a developer's plain http.
        same_site = "None" if secure else "Lax"
        response.set_cookie(cookie_name(), _state(), path=cookies.path(), secure=secure, samesite=same_site)
    return response


def _state() -> str:
    """Return the state that the browser has once it has read this response."""
    noted: str | None = notes().get(_NOTE)
    if noted is None:
        shown = request.cookies.get(cookie_name(), "")
        if _VALUE.fullmatch(shown) and not cookies.changes_session():
            return shown
        noted = notes()[_NOTE] = new_handle()
    return noted
