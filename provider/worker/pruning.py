"""Forget what is over: small batches, the oldest first, so that nobody waits for a lock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, select

from provider.audit import prune as audit_prune
from provider.clients.models import UsedAssertion
from provider.delivery.prune import prune_finished
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db, transaction
from provider.interactions.models import Interaction
from provider.tokens.device_models import DeviceCode
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken, UsedProof

Expiring = type[
    AuthorizationCode | AccessToken | RefreshToken | DeviceCode | Interaction | UsedAssertion | UsedProof
]
BATCH = 500
_BATCHES_AT_ONCE = 20
# Kept for a while after their end, so that a late replay is still known for what it is.
_KEPT: dict[Expiring, timedelta] = {
    AuthorizationCode: timedelta(days=1),
    AccessToken: timedelta(days=1),
    RefreshToken: timedelta(days=7),
    DeviceCode: timedelta(days=1),
    Interaction: timedelta(days=1),
    UsedAssertion: timedelta(minutes=10),
    UsedProof: timedelta(minutes=10),
}


def prune() -> None:
    """Delete what has been over for long enough, at most so much at a time."""
    now, settings = clock.now(), current.settings()
    for table, kept in _KEPT.items():
        _in_batches(partial(prune_expired, table, now - kept))
    _in_batches(partial(prune_finished, now - settings.delivery_retention, BATCH))
    _in_batches(partial(audit_prune.prune, now - settings.audit_retention, limit=BATCH))


def prune_expired(table: Expiring, before: datetime) -> int:
    """Delete the rows of a table that expired first, about a batch of them, and return how many."""
    expires_at = table.expires_at
    oldest = select(expires_at).where(expires_at < before).order_by(expires_at)
    through = db.session.scalar(oldest.offset(BATCH - 1).limit(1))
    return change(delete(table).where(expires_at < before if through is None else expires_at <= through))


def _in_batches(delete_some: Callable[[], int]) -> None:
    for _ in range(_BATCHES_AT_ONCE):
        with transaction():
            deleted = delete_some()
        if deleted < BATCH:
            break
