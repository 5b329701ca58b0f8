"""The keys in this process: parsed once, kept in memory, and read again every minute.

Parsing a private key costs a hundred times more than signing with it, and reading one costs a statement;
neither may happen per token. A key that another process has just replaced still verifies everywhere, because
it stays published (KEY-04).
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from provider.infrastructure import clock, current
from provider.infrastructure.database import reading
from provider.keys import queries, sealing
from provider.keys.algorithms import PrivateKey, PublicKey, public_key_from, public_part
from provider.keys.models import KeyState

_FRESH_FOR = timedelta(seconds=60)
# An unknown kid causes a read, but invented kids cause at most one in five seconds.
_LOOK_AGAIN_AFTER = timedelta(seconds=5)


class NoSigningKey(Exception):
    """There is no active key for the algorithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """One usable key."""

    kid: str
    alg: str
    state: KeyState
    public_jwk: dict[str, str]
    public_key: PublicKey
    sealed_private_key: bytes | None = field(repr=False)

    @property
    def is_published(self) -> bool:
        """Whether the key is in the JWKS, so that others verify with it."""
        return self.state in queries.PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    keys: dict[str, HeldKey]
    active: dict[str, HeldKey]
    taken_at: datetime


class Keyring:
    """The keys of one application, shared by its threads."""

    def __init__(self) -> None:
        self._snapshot: _Snapshot | None = None
        self._parsed: dict[str, PrivateKey] = {}
        self._loading = threading.Lock()
        # Incremented with every change of the keys by this process.
        self._changes = 0

    def private_key(self, alg: str) -> tuple[str, PrivateKey]:
        """Return the kid and the private key that sign now. Raises NoSigningKey."""
        held = self._fresh().active.get(alg) or self._look_again().active.get(alg)
        if held is None or held.sealed_private_key is None:
            raise NoSigningKey(f"there is no active signing key for {alg}")
        parsed = self._parsed.get(held.kid)
        if parsed is None:
            parsed = sealing.unseal(held.sealed_private_key, kid=held.kid, alg=held.alg)
            # Only the signing keys are kept parsed; a retired one is removed from memory.
            signing = {key.kid for key in self._fresh().active.values()}
            self._parsed = {kid: key for kid, key in self._parsed.items() if kid in signing} | {
                held.kid: parsed
            }
        return held.kid, parsed

    def find(self, kid: str) -> HeldKey | None:
        """Return a usable key of ours by its kid; an unknown kid causes another read, but rarely."""
        return self._fresh().keys.get(kid) or self._look_again().keys.get(kid)

    def active_algorithms(self) -> set[str]:
        """Return the algorithms that can be signed with now."""
        return set(self._fresh().active)

    def published(self) -> list[HeldKey]:
        """Return the keys of the JWKS, read from the database now (KEY-07: at once)."""
        return [held for held in self._load().keys.values() if held.is_published]

    def forget(self) -> None:
        """Read the keys again at the next use, because this process has changed them."""
        self._changes += 1
        self._snapshot = None

    def _fresh(self) -> _Snapshot:
        snapshot = self._snapshot
        if snapshot is None:
            return self._load()
        if abs(clock.now() - snapshot.taken_at) <= _FRESH_FOR:
            return snapshot
        return self._reload_unless_busy(snapshot)

    def _look_again(self) -> _Snapshot:
        snapshot = self._snapshot
        if snapshot is None:
            return self._load()
        if abs(clock.now() - snapshot.taken_at) < _LOOK_AGAIN_AFTER:
            return snapshot
        return self._reload_unless_busy(snapshot)

    def _reload_unless_busy(self, snapshot: _Snapshot) -> _Snapshot:
        # No thread waits here: if it waited while holding a database connection, the loading thread might
        # never get one.
        if not self._loading.acquire(blocking=False):
            return snapshot
        try:
            return self._load()
        finally:
            self._loading.release()

    def _load(self) -> _Snapshot:
        changes = self._changes
        with reading():
            rows = queries.list_usable_rows()
        held = [
            HeldKey(
                kid=row.kid,
                alg=row.alg,
                state=KeyState(row.state),
                public_jwk=public_part(row.public_jwk),
                public_key=public_key_from(row.public_jwk),
                sealed_private_key=row.sealed_private_key,
            )
            for row in rows
        ]
        snapshot = _Snapshot(
            keys={key.kid: key for key in held},
            active={key.alg: key for key in held if key.state is KeyState.ACTIVE},
            taken_at=clock.now(),
        )
        # If the keys changed during this read, it must not replace a later read by another thread.
        if changes == self._changes:
            self._snapshot = snapshot
        return snapshot


def the_keyring() -> Keyring:
    """Return the keyring of the current application."""
    return current.memo("keyring", Keyring)
