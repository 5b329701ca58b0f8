"""Sessions at the gate: a random cookie in the browser, and a record in the store.

The store contains only the cookie's digest. The marks of logouts are read on each request, so neither a
cookie nor a record is accepted after the logout.
"""

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from curfew_rp.app_session import AppSessions, User, user_of
from curfew_rp.gate.records import Records
from curfew_rp.gate.settings import Settings

_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# The idle lifetime is renewed when this part of it has passed, so that not every request writes.
_RENEWED_AFTER = 1 / 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSession:
    """A live session, found by its cookie."""

    key: str
    user: User
    claims: Mapping[str, Any] = field(repr=False)
    scopes: tuple[str, ...] = ()


class GateSessions:
    """Begins, finds and ends sessions; raises StoreUnavailable if the store is unavailable."""

    def __init__(self, settings: Settings, sessions: AppSessions, records: Records) -> None:
        self._settings = settings
        self._sessions = sessions
        self._records = records
        self._idle = settings.idle_lifetime.total_seconds()
        # Several gates may share a store.
        self._scope = _digest(f"{settings.issuer}\0{settings.client_id}")[:16]

    def begin(
        self,
        origin: str,
        id_claims: Mapping[str, Any],
        id_token: str | None,
        claims: Mapping[str, Any],
        scopes: Iterable[str],
    ) -> str | None:
        """Return the cookie of a new session; None if the provider has already ended it.

        Raises SignInRefused for invalid claims.
        """
        handle = secrets.token_urlsafe(32)
        kept: dict[str, Any] = {"origin": self._bound_to(origin), "of": dict(claims), "scopes": [*scopes]}
        key = _digest(handle)
        if not self._sessions.keep(kept, id_claims, key, id_token):
            return None
        self._records.put(self._key(key), json.dumps(kept), self._idle)
        return handle

    def find(self, handle: str | None, origin: str) -> GateSession | None:
        """Return the live session of a cookie, if it belongs to this origin; its idle time starts again."""
        if handle is None or not _HANDLE.fullmatch(handle):
            return None
        key = _digest(handle)
        record = self._records.get(self._key(key))
        if record is None:
            return None
        kept = json.loads(record.text)
        if kept["origin"] != self._bound_to(origin):
            return None
        user = user_of(kept)
        if user is None or not self._sessions.check(kept):
            self._records.delete([self._key(key)])
            return None
        if record.seconds_left < self._idle * (1 - _RENEWED_AFTER):
            self._records.extend(self._key(key), self._idle)
        return GateSession(key=key, user=user, claims=kept["of"], scopes=tuple(kept["scopes"]))

    def end(self, session: GateSession) -> None:
        """End one session when a person signs out here; copies of its cookie are rejected from now on."""
        self._sessions.forget(session.user)
        self._records.delete([self._key(session.key)])

    def drop(self, local_ids: Iterable[str]) -> None:
        """Delete sessions that a logout has ended."""
        self._records.delete([self._key(local_id) for local_id in local_ids])

    def _bound_to(self, origin: str) -> str:
        """Return the only origin that may use the cookie: an app sees the cookies of its own host."""
        return "" if self._settings.cookie_domain else origin

    def _key(self, key: str) -> str:
        return f"{self._scope}:{key}"


def _digest(handle: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(handle.encode()).digest()).rstrip(b"=").decode()
