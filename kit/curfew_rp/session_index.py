"""The sessions of this app that have ended, and the local sessions of a `sid` or `sub`.

Marks are authoritative (KIT-01): a session is live while neither its `sid` nor its `sub` has a mark of a
logout. They are read on each request, so that sessions in cookies end as well, and so do sessions whose
logout arrives before the sign-in's callback has stored them. Links lead to local sessions, so that the app
can delete them.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from curfew_rp.stores import Store
from curfew_rp.strict_json import is_identifier, is_numeric_date

# Allows for the time between the sign-in's response and the app's session, and for different clocks.
_MARGIN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One sign-in, from its validated ID Token; `issued_at` is the token's `iat` in seconds.

    Store it with the session, for instance as `as_dict()` in the cookie.
    """

    iss: str
    sub: str
    sid: str | None
    issued_at: float

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> "SignIn":
        """Return the sign-in of a validated ID Token; raises ValueError for a missing or malformed claim."""
        sid = claims.get("sid")
        known = claims.get("iss"), claims.get("sub")
        if not all(map(is_identifier, known)) or not (sid is None or is_identifier(sid)):
            raise ValueError("iss, sub or sid of the ID Token is missing or not a short text")
        if not is_numeric_date(claims.get("iat")):
            raise ValueError("iat of the ID Token is missing or not a number")
        return cls(iss=str(known[0]), sub=str(known[1]), sid=sid, issued_at=float(claims["iat"]))

    @classmethod
    def from_dict(cls, stored: object) -> "SignIn | None":
        """Return the sign-in stored by `as_dict`, or None for anything else."""
        if not isinstance(stored, Mapping) or "issued_at" not in stored:
            return None
        try:
            return cls.from_claims({**stored, "iat": stored["issued_at"]})
        except ValueError:
            return None

    def as_dict(self) -> dict[str, Any]:
        """Return the sign-in as JSON values."""
        return asdict(self)


class SessionIndex:
    """The sessions of one app at one provider, in a store that all its processes share.

    `session_lifetime` is the maximum lifetime of a local session, counted from the ID Token's `iat`: an older
    session is no longer live, and a logout is remembered for as long.
    """

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        client_id: str,
        session_lifetime: timedelta = timedelta(hours=12),
    ) -> None:
        if session_lifetime <= timedelta(0):
            raise ValueError("session_lifetime must be greater than zero")
        self.store = store
        self.issuer = issuer
        self._lifetime = session_lifetime.total_seconds()
        self._kept_seconds = self._lifetime + _MARGIN_SECONDS
        # The same sid from another issuer, or of another app with the same store, is a different session.
        self._scope = _digest(issuer, client_id)[:16]

    def remember(self, sign_in: SignIn, local_id: str) -> bool:
        """Link a local session to its sign-in; False, so do not begin it, if that has already ended.

        Raises ValueError for a `local_id` of more than 128 characters, and StoreUnavailable.
        """
        if not is_identifier(local_id, 128):
            raise ValueError("a local id is a text of 1 to 128 characters")
        # The order matters: `end` marks first and then looks for links, so that one of the two sees the
        # other.
        self.store.link(self._link_keys(sign_in), self._member(sign_in, local_id), self._kept_seconds)
        if self.is_live(sign_in):
            return True
        self.forget(sign_in, local_id)
        return False

    def forget(self, sign_in: SignIn, local_id: str) -> None:
        """End one local session at the app's own request; copies of its cookie are rejected from now on."""
        self.store.raise_mark(self._key("local", local_id), time.time(), self._kept_seconds)
        self.release(sign_in, local_id)

    def release(self, sign_in: SignIn, local_id: str) -> None:
        """Unlink a local session from a sign-in that a newer one has replaced; the session stays live."""
        self.store.unlink(self._link_keys(sign_in), [self._member(sign_in, local_id)])

    def is_live(self, sign_in: SignIn, local_id: str | None = None) -> bool:
        """Return whether the sign-in is not too old and no logout has ended it; raises StoreUnavailable.

        A sign-in from another issuer is not live. With a `local_id`, neither is a session that `forget` has
        ended.
        """
        too_old = time.time() - sign_in.issued_at > self._lifetime
        if sign_in.iss != self.issuer or too_old:
            return False
        always = [("sid", sign_in.sid), ("local", local_id)]
        named = [self._key(kind, name) for kind, name in always if name is not None]
        by_instant = self._by_instant(sign_in)
        marks = self.store.marks([*named, *by_instant])
        return not _is_ended_by(marks, by_instant, sign_in) and not any(key in marks for key in named)

    def has_ended_since(self, sign_in: SignIn) -> bool:
        """Return whether a logout at or after `issued_at` named the session or person; for access tokens.

        A token that is issued after the logout of its session outlives it, which offline_access allows
        (KIT-04). Raises StoreUnavailable.
        """
        keys = self._by_instant(sign_in)
        if sign_in.sid is not None:
            keys.append(self._key("sid", sign_in.sid))
        return _is_ended_by(self.store.marks(keys), keys, sign_in)

    def end(self, *, sub: str | None, sid: str | None, at: float) -> list[str]:
        """End the session of a `sid`, or all sessions of a `sub` whose sign-ins are not later than `at`.

        `at` is the `iat` of the Logout Token, from the provider's clock like that of the ID Tokens. Returns
        the linked local ids; they stay linked until `drop`, so that they are returned again if an app failed
        to delete them. A repeated call is harmless. Raises StoreUnavailable.
        """
        keys = self._ended_keys(sub, sid)
        for key in keys:
            self.store.raise_mark(key, at, self._kept_seconds)
        self.store.raise_mark(_heard(self.issuer), time.time(), self._kept_seconds)
        found = {member: None for key in keys for member in self.store.members(key)}
        return [_local_id(member) for member in found if member]

    def drop(self, *, sub: str | None, sid: str | None, local_ids: list[str]) -> None:
        """Remove the links of local sessions that the app has deleted."""
        if not local_ids:
            return
        for key in self._ended_keys(sub, sid):
            members = self.store.members(key)
            gone = [member for member in members if _local_id(member) in local_ids]
            self.store.unlink([key], gone)

    def is_other_subject(self, sub: str, sid: str) -> bool:
        """Return whether `sid` is known here for another `sub`; raises StoreUnavailable."""
        members = self.store.members(self._key("sid", sid))
        return bool(members) and all(not member.startswith(_tag(sub)) for member in members)

    def is_used(self, jti: str) -> bool:
        """Return whether a Logout Token with this `jti` was accepted; raises StoreUnavailable."""
        return bool(self.store.marks([self._key("jti", jti)]))

    def use(self, jti: str, seconds: float) -> bool:
        """Remember a `jti`; of several processes with the same token, only one gets True."""
        return self.store.claim(self._key("jti", jti), seconds)

    def _by_instant(self, sign_in: SignIn) -> list[str]:
        """Return the keys of logouts that end only sessions that began before them."""
        kinds = ("sub",) if sign_in.sid is not None else ("sub", "sub-without-sid")
        return [self._key(kind, sign_in.sub) for kind in kinds]

    def _ended_keys(self, sub: str | None, sid: str | None) -> list[str]:
        """Return the keys that a logout marks; a logout with a `sid` ends only that session.

        A session without a `sid` may be the one that a token with `sub` and `sid` names, so it ends as well.
        """
        if sid is None:
            return [self._key("sub", sub or "")]
        without_sid = [self._key("sub-without-sid", sub)] if sub is not None else []
        return [self._key("sid", sid), *without_sid]

    def _link_keys(self, sign_in: SignIn) -> list[str]:
        narrow = ("sid", sign_in.sid) if sign_in.sid is not None else ("sub-without-sid", sign_in.sub)
        return [self._key("sub", sign_in.sub), self._key(*narrow)]

    def _member(self, sign_in: SignIn, local_id: str) -> str:
        return _tag(sign_in.sub) + local_id

    def _key(self, kind: str, name: str) -> str:
        return f"{self._scope}:{kind}:{_digest(name)}"


def _is_ended_by(marks: Mapping[str, float], keys: Iterable[str], sign_in: SignIn) -> bool:
    # Tokens usually have whole seconds; a sign-in in the same second as a logout counts as ended.
    return any(int(sign_in.issued_at) <= marks[key] for key in keys if key in marks)


def last_heard_at(store: Store, issuer: str) -> float | None:
    """Return when a provider's last logout reached any app with this store; None if none did recently."""
    return store.marks([_heard(issuer)]).get(_heard(issuer))


def _heard(issuer: str) -> str:
    return f"heard:{_digest(issuer)}"


def _tag(sub: str) -> str:
    """Return the prefix of a link, which identifies the person."""
    return _digest(sub)[:16] + "."


def _local_id(member: str) -> str:
    return member.partition(".")[2]


def _digest(*texts: str) -> str:
    """Return a short and printable key, whatever the provider writes into its claims."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:40]
