"""The life of a signing key: next → active → retired → hint-only → destroyed (KEY-01).

One lock serializes all changes, so that processes that start, rotate or advance at the same time do it once.
Each function returns its changes, which the caller writes into the audit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from provider.infrastructure import clock, current
from provider.infrastructure.database import after_commit, db, is_sqlite
from provider.infrastructure.opaque_tokens import new_id
from provider.keys import algorithms, queries, sealing
from provider.keys.algorithms import ALGORITHMS
from provider.keys.keyring import the_keyring
from provider.keys.models import KeyState, SigningKey

# KEY-05: a person may sign out with an ID token from two rotations ago.
HINT_WINDOW = timedelta(days=120)
_ADVISORY_LOCK = 0x6B657973


class UnknownAlgorithm(Exception):
    """The algorithm is not supported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One step of one key, for the audit: `event` is the tag to record it under."""

    event: str
    kid: str
    alg: str

    @property
    def detail(self) -> dict[str, Any]:
        """The fields of the audit entry."""
        return {"kid": self.kid, "alg": self.alg}


def ensure_keys() -> list[KeyChange]:
    """Ensure that every algorithm has an active key that can be unsealed, and make missing ones.

    A first key signs at once: no app can have cached a JWKS without it.
    """
    _stand_in_line()
    changes: list[KeyChange] = []
    for alg, keys in _by_algorithm(_kept()).items():
        active = keys.get(KeyState.ACTIVE)
        if active is None:
            changes += _activate(keys.get(KeyState.NEXT) or _make(alg, changes))
        elif active.sealed_private_key is not None:
            sealing.unseal(active.sealed_private_key, kid=active.kid, alg=alg)
    return _done(changes)


def rotate(alg: str | None = None, *, now: bool = False) -> list[KeyChange]:
    """Publish the successor of one algorithm's key, or of all; it signs after the publication period.

    Repeating this changes nothing while a successor waits. `now` lets the successor sign at once; relying
    parties with a cached JWKS then meet an unknown kid.
    """
    if alg is not None and alg not in ALGORITHMS:
        raise UnknownAlgorithm(f"{alg} is not among {', '.join(ALGORITHMS)}")
    _stand_in_line()
    changes: list[KeyChange] = []
    for name, keys in _by_algorithm(_kept()).items():
        if alg not in {None, name}:
            continue
        successor = keys.get(KeyState.NEXT) or _make(name, changes)
        if now or KeyState.ACTIVE not in keys:
            changes += _activate(successor, instead_of=keys.get(KeyState.ACTIVE))
    return _done(changes)


def advance() -> list[KeyChange]:
    """Make every transition that is due; called by a leased duty."""
    _stand_in_line()
    kept = _kept()
    changes = [change for key in kept for change in _age(key)]
    for alg, keys in _by_algorithm(kept).items():
        changes += _renew(alg, keys)
    return _done(changes)


def compromise(kid: str) -> list[KeyChange]:
    """Withdraw a key permanently: out of the JWKS, refused even as a hint, replaced if it signed (KEY-07).

    Raises UnknownKey. This process stops using it at once, others within a minute.
    """
    _stand_in_line()
    key = queries.get_key(kid)
    if key.state == KeyState.DESTROYED:
        return []
    was_active = key.state == KeyState.ACTIVE
    _destroy(key)
    changes = [_change("compromised", key)]
    if was_active:
        # Flush first: the query below reloads every key from the database.
        db.session.flush()
        waiting = _by_algorithm(_kept())[key.alg].get(KeyState.NEXT)
        changes += _activate(waiting or _make(key.alg, changes))
    return _done(changes)


def seal_anew() -> int:
    """Seal every private key with the newest data key; return their number."""
    _stand_in_line()
    sealed = [key for key in _kept() if key.sealed_private_key is not None]
    for key in sealed:
        key.sealed_private_key = sealing.seal_anew(key.sealed_private_key or b"", kid=key.kid, alg=key.alg)
    db.session.flush()
    after_commit(the_keyring().forget)
    return len(sealed)


def signs_from(key: SigningKey) -> datetime:
    """Return when a published successor will begin to sign (KEY-02)."""
    return key.created_at + current.settings().key_publish_before_use


def _renew(alg: str, keys: dict[KeyState, SigningKey]) -> list[KeyChange]:
    """Publish the successor before the rotation period ends; activate it after the publication period."""
    now, settings = clock.now(), current.settings()
    active, successor = keys.get(KeyState.ACTIVE), keys.get(KeyState.NEXT)
    changes: list[KeyChange] = []
    if successor is None:
        due = settings.key_rotation_period - settings.key_publish_before_use
        if active is not None and _since(active.activated_at, now) < due:
            return []
        successor = _make(alg, changes)
    if active is None or now >= signs_from(successor):
        changes += _activate(successor, instead_of=active)
    return changes


def _age(key: SigningKey) -> list[KeyChange]:
    now, settings = clock.now(), current.settings()
    if key.state == KeyState.RETIRED and _since(key.retired_at, now) >= settings.key_publish_after_use:
        key.state, key.hint_only_at = KeyState.HINT_ONLY, now
        return [_change("hint_only", key)]
    kept = settings.session_lifetime + HINT_WINDOW
    if key.state == KeyState.HINT_ONLY and _since(key.hint_only_at, now) >= kept:
        _destroy(key)
        return [_change("destroyed", key)]
    return []


def _make(alg: str, changes: list[KeyChange]) -> SigningKey:
    """Make a key in the state `next`, and add that to the changes."""
    private_key = algorithms.generate(alg, rsa_key_bits=current.settings().rsa_key_bits)
    public_jwk = algorithms.public_jwk_of(private_key, alg)
    kid = public_jwk["kid"]
    key = SigningKey(
        id=new_id(),
        kid=kid,
        alg=alg,
        state=KeyState.NEXT,
        public_jwk=public_jwk,
        sealed_private_key=sealing.seal(private_key, kid=kid, alg=alg),
        created_at=clock.now(),
    )
    db.session.add(key)
    changes.append(_change("created", key))
    return key


def _activate(key: SigningKey, *, instead_of: SigningKey | None = None) -> list[KeyChange]:
    key.state, key.activated_at = KeyState.ACTIVE, clock.now()
    if instead_of is None:
        return [_change("activated", key)]
    instead_of.state, instead_of.retired_at = KeyState.RETIRED, clock.now()
    instead_of.sealed_private_key = None
    return [_change("activated", key), _change("retired", instead_of)]


def _destroy(key: SigningKey) -> None:
    # The row stays, so that its kid is never used again.
    key.state, key.destroyed_at = KeyState.DESTROYED, clock.now()
    key.sealed_private_key = None


def _by_algorithm(kept: list[SigningKey]) -> dict[str, dict[KeyState, SigningKey]]:
    """Return each supported algorithm's active key and waiting successor, if they exist."""
    found: dict[str, dict[KeyState, SigningKey]] = {alg: {} for alg in ALGORITHMS}
    for key in kept:
        state = KeyState(key.state)
        if key.alg in found and state in {KeyState.ACTIVE, KeyState.NEXT}:
            found[key.alg][state] = key
    return found


def _since(instant: datetime | None, now: datetime) -> timedelta:
    return timedelta.max if instant is None else now - instant


def _change(what: str, key: SigningKey) -> KeyChange:
    return KeyChange(event=f"key_{what}", kid=key.kid, alg=key.alg)


def _stand_in_line() -> None:
    """Wait for other processes that change keys; in SQLite the write transaction does that already."""
    if not is_sqlite():
        db.session.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))


def _done(changes: list[KeyChange]) -> list[KeyChange]:
    if changes:
        db.session.flush()
        after_commit(the_keyring().forget)
    return changes


def _kept() -> list[SigningKey]:
    return queries.list_keys(include_destroyed=False)
