"""The OP User Agent state of Session Management 1.0 §3.2: a random value that changes with the session.

It is in a cookie that the OP iframe's script reads inside the pages of apps, so it is neither HttpOnly
nor SameSite, and must never prove anything: it is random, is stored nowhere, and only a Session State
is computed from it.
"""

import re

from flask import Response, request

from provider.config import Settings
from provider.infrastructure import current
from provider.infrastructure.opaque_tokens import new_handle
from provider.protocol.session_state import session_state
from provider.web import cookies
from provider.web.notes import notes

_NAME = "curfew_op_state"
_NOTE = "op_browser_state"
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
# Long enough that no two responses have the same salt, and short in a redirect URI.
_SALT_LENGTH = 22


def cookie_name() -> str:
    """Return the name of the cookie with the state."""
    return cookies.full_name(_NAME)


def session_state_parameter(client_id: str, redirect_uri: str) -> dict[str, str]:
    """Return `session_state` for a response to this client; empty unless the setting enables it."""
    if not current.settings().session_management:
        return {}
    salt = new_handle()[:_SALT_LENGTH]
    value = session_state(client_id, redirect_uri, browser_state=_state(), salt=salt)
    return {"session_state": value} if value else {}


def write(settings: Settings, response: Response) -> None:
    """Write the state into the response if it is new.

    session §3.2 requires a new one at every sign-in, sign-out and change of person. All of these set or
    delete the session's handle, which is the sign used here.
    """
    if settings.session_management and (cookies.changes_session() or _NOTE in notes()):
        secure = settings.is_https
        # Browsers accept SameSite=None only with Secure, and so not over plain http in development.
        same_site = "None" if secure else "Lax"
        response.set_cookie(cookie_name(), _state(), path=cookies.path(), secure=secure, samesite=same_site)


def _state() -> str:
    """Return the state that the browser has after this response."""
    noted: str | None = notes().get(_NOTE)
    if noted is None:
        shown = request.cookies.get(cookie_name(), "")
        if _VALUE.fullmatch(shown) and not cookies.changes_session():
            return shown
        noted = notes()[_NOTE] = new_handle()
    return noted
