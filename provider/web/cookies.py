"""Our cookies: the session's handle, the binding of parked requests, proofs of earlier sign-ins, the console.

All but the proofs are random handles of 256 bits and last until the browser is closed. The proofs say that
people have signed in with this browser before; they grant no access. A use case's changes to them are
written into the response at the end of the request, whatever that response is.
"""

import re
from functools import lru_cache
from typing import Any

from flask import Response
from werkzeug.http import dump_cookie

from provider.config import Settings
from provider.infrastructure import current
from provider.infrastructure.opaque_tokens import new_handle
from provider.protocol.errors import InvalidRequest
from provider.web.notes import notes, this_request

_SESSION = "curfew_session"
_BROWSER = "curfew_browser"
_KNOWN_BROWSER = "curfew_known_browser"
_CONSOLE = "curfew_console"
# The note with the changes.
_PENDING = "cookies"
# What the request's environment keeps of the browser's cookies.
_SENT = "curfew.cookies"
_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}")
_ACCESS_TOKEN = re.compile(r"cfa_[A-Za-z0-9_-]{43}")
MOST_PROOFS = 5
_PROOF = r"[A-Za-z0-9_-]{43}\.[0-9]{1,11}(?:\.[A-Za-z0-9_-]{43}){2}"
_PROOFS = re.compile(rf"{_PROOF}(?:~{_PROOF}){{0,{MOST_PROOFS - 1}}}")


class RepeatedCookie(InvalidRequest):
    """Two cookies have our name: one was set by another host of the same domain (THR-23)."""

    redirectable = False


def session_handle() -> str | None:
    """Return the session handle that this browser sent, or None."""
    return _read(_SESSION)


def keep_session(handle: str) -> None:
    """Have this browser send another session handle from now on."""
    _pending()[full_name(_SESSION)] = handle


def forget_session() -> None:
    """Have this browser delete its session handle, after the session has ended."""
    _pending()[full_name(_SESSION)] = None


def changes_session() -> bool:
    """Return whether this response sets or deletes the session handle."""
    return full_name(_SESSION) in _pending()


def console_handle() -> str | None:
    """Return the handle of the console's own session that this browser sent, or None."""
    return _read(_CONSOLE, _ACCESS_TOKEN)


def keep_console(handle: str) -> None:
    """Have this browser send another handle of the console from now on."""
    _pending()[full_name(_CONSOLE)] = handle


def forget_console() -> None:
    """Have this browser delete its handle of the console."""
    _pending()[full_name(_CONSOLE)] = None


def browser() -> str | None:
    """Return the value that binds parked requests to this browser, if it has one."""
    pending = notes().get(_PENDING)
    return (pending.get(full_name(_BROWSER)) if pending else None) or _read(_BROWSER)


def bind_browser() -> str:
    """Return the value that binds parked requests to this browser; a new browser gets one."""
    known = browser()
    if known:
        return known
    fresh = new_handle()
    _pending()[full_name(_BROWSER)] = fresh
    return fresh


def browser_proofs() -> list[str]:
    """Return this browser's proofs of earlier sign-ins, unverified, newest first."""
    pending = notes().get(_PENDING)
    known = pending.get(full_name(_KNOWN_BROWSER)) if pending else None
    shown = known or _read(_KNOWN_BROWSER, _PROOFS)
    return shown.split("~") if shown else []


def keep_browser_proofs(proofs: list[str]) -> None:
    """Have this browser keep the first of these proofs, even after it was closed."""
    _pending()[full_name(_KNOWN_BROWSER)] = "~".join(proofs[:MOST_PROOFS])


def write(settings: Settings, response: Response) -> None:
    """Write the changed cookies into the response."""
    pending = notes().get(_PENDING)
    if not pending:
        return
    for name, value in pending.items():
        if value is None:
            response.delete_cookie(name, **_how(settings))
        elif name == full_name(_KNOWN_BROWSER):
            response.set_cookie(name, value, max_age=settings.known_browser_lifetime, **_how(settings))
        else:
            # A handle contains nothing that needs quoting.
            response.headers.add("Set-Cookie", f"{name}={value}{_attributes(path(), settings.is_https)}")


def _how(settings: Settings) -> dict[str, Any]:
    return {"path": path(), "secure": settings.is_https, "httponly": True, "samesite": "Lax"}


@lru_cache(maxsize=16)
def _attributes(path: str, secure: bool) -> str:
    """Return the attributes of a cookie that lasts until the browser is closed."""
    written = dump_cookie("name", "", path=path, secure=secure, httponly=True, samesite="Lax")
    return written.removeprefix("name=")


def _pending() -> dict[str, str | None]:
    pending: dict[str, str | None] = notes().setdefault(_PENDING, {})
    return pending


def path() -> str:
    """Return the path of our cookies, so that other services at the issuer's host do not receive them."""
    return current.settings().issuer_path or "/"


def full_name(name: str) -> str:
    """Return a cookie's name with the prefix that makes browsers refuse it from plain http."""
    return current.settings().cookie_prefix + name


def _read(name: str, form: re.Pattern[str] = _HANDLE) -> str | None:
    all_sent = _sent()
    if not all_sent:
        return None
    name = full_name(name)
    sent = all_sent.get(name)
    if sent is None:
        return None
    if len(sent) > 1:
        raise RepeatedCookie(f"the cookie {name} was sent twice; delete this site's cookies")
    return sent[0] if form.fullmatch(sent[0]) else None


def _sent() -> dict[str, list[str]]:
    """Return the values that the browser sent, by the names of their cookies."""
    environ = this_request().environ
    found: dict[str, list[str]] | None = environ.get(_SENT)
    if found is None:
        header = environ.get("HTTP_COOKIE")
        found = environ[_SENT] = {}
        # Our cookies are never quoted or encoded, for which the framework's parser would check.
        for pair in header.split(";") if header else ():
            name, _, value = pair.partition("=")
            found.setdefault(name.strip(), []).append(value.strip())
    return found
