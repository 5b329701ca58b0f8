"""Acts on the signing keys."""

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.keys import lifecycle
from provider.keys.lifecycle import KeyChange


def rotate(alg: str | None = None, *, now: bool = False) -> list[KeyChange]:
    """Publish a successor for one algorithm's key or for all; with `now` it signs at once."""
    return _recorded(lifecycle.rotate(alg, now=now))


def compromise(kid: str) -> list[KeyChange]:
    """Withdraw a stolen key at once and permanently; nothing changes if it is already withdrawn."""
    return _recorded(lifecycle.compromise(kid))


def _recorded(changes: list[KeyChange]) -> list[KeyChange]:
    for change in changes:
        record(EventTag(change.event), actor="admin", **change.detail)
    return changes
