"""Our two cookies: the session's handle and the binding of parked requests to this browser.

Both are random handles of 256 bits. What a use case decides about them is written into the response
at the end of the request, whichever response that becomes.
"""

import re

from flask import Response, request

from provider.infrastructure import current
from provider.infrastructure.opaque_tokens import new_handle
from provider.protocol.errors import InvalidRequest
from provider.web.notes import notes

_SESSION = "curfew_session"
_BROWSER = "curfew_browser"
_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}")


class RepeatedCookie(InvalidRequest):
    """Two cookies have our name: one of them was planted by a neighbouring host (THR-23)."""

    redirectable = False


def session_handle() -> str | None:
    """Return the handle that this browser shows for its session."""
    return _read(_SESSION)


def keep_session(handle: str) -> None:
    """Have this browser show another handle from now on."""
    _pending()[_name(_SESSION)] = handle


def forget_session() -> None:
    """Have this browser forget its handle; the second step after the session has ended here."""
    _pending()[_name(_SESSION)] = None


def changes_session() -> bool:
    """Whether this response gives the browser another session handle, or takes the one it has."""
    return _name(_SESSION) in _pending()


def browser() -> str | None:
    """Return the value that binds parked requests to this browser, if it has one."""
    return _pending().get(_name(_BROWSER)) or _read(_BROWSER)


def bind_browser() -> str:
    """Return the value that binds parked requests to this browser; a new browser is given one."""
    known = browser()
    if known:
        return known
    fresh = new_handle()
    _pending()[_name(_BROWSER)] = fresh
    return fresh


def write(response: Response) -> Response:
    """Write what was decided about the cookies into the response."""
    secure = current.settings().is_https
    for name, value in _pending().items():
        if value is None:
            response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
        else:
            response.set_cookie(name, value, path="/", secure=secure, httponly=True, samesite="Lax")
    return response


def _pending() -> dict[str, str | None]:
    pending: dict[str, str | None] = notes().setdefault("cookies", {})
    return pending


def _name(name: str) -> str:
    # The prefix makes a browser refuse the cookie from any other host or from plain http (THR-23).
    return f"__Host-{name}" if current.settings().is_https else name


def _read(name: str) -> str | None:
    name = _name(name)
    sent = [pair.partition("=")[0].strip() for pair in request.headers.get("Cookie", "").split(";")]
    if sent.count(name) > 1:
        raise RepeatedCookie(f"the cookie {name} was sent twice; delete this site's cookies")
    value = request.cookies.get(name, "")
    return value if _HANDLE.fullmatch(value) else None
