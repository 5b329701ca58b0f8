"""Django's own sessions: their ids in the kit, and how they are deleted."""

import secrets
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.conf import settings

_IN_COOKIES = "django.contrib.sessions.backends.signed_cookies"


def local_id_of(session: Any) -> str:
    """Return the key of a server-side session; a session in a cookie has none, so it gets a new id."""
    if settings.SESSION_ENGINE == _IN_COOKIES or not session.session_key:
        return secrets.token_urlsafe(16)
    return str(session.session_key)


def delete_sessions(local_ids: Iterable[str]) -> None:
    """Delete server-side sessions; sessions in cookies are only rejected by the middleware."""
    if settings.SESSION_ENGINE == _IN_COOKIES:
        return
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    for local_id in local_ids:
        store.delete(local_id)
