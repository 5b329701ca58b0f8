"""Delete what is over: in small batches, the oldest first, so that no request waits for a lock."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, select

from provider.audit import prune as audit_prune
from provider.delivery.prune import prune_finished
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import change, db, is_away, transaction
from provider.inspection.overdue import Expiring, kept_after_expiry

BATCH = 500
# After so long the other duties have their turn, and a worker that stops is not waited for; what is left is
# deleted right after that.
LONGEST_TURN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Pruning:
    """Deletes a batch of one table's rows and returns how many there were."""

    table: str
    delete_some: Callable[[], int]


def prune() -> bool:
    """Delete what has been over for long enough; return whether time ran out before all of it was deleted.

    The tables take turns batch by batch: one that is flooded does not keep the others from being pruned.
    """
    stop_at = time.monotonic() + LONGEST_TURN.total_seconds()
    left = [pruning for pruning in _prunings() if _delete_batch(pruning) >= BATCH]
    while left and time.monotonic() < stop_at:
        left = [pruning for pruning in left if _delete_batch(pruning) >= BATCH]
    return bool(left)


def _prunings() -> Iterator[_Pruning]:
    now, settings = clock.now(), current.settings()
    for table, kept in kept_after_expiry().items():
        yield _Pruning(table.__tablename__, partial(prune_expired, table, now - kept))
    yield _Pruning("delivery", partial(prune_finished, now - settings.delivery_retention, BATCH))
    yield _Pruning("audit_event", partial(audit_prune.prune, now - settings.audit_retention, limit=BATCH))


def _delete_batch(pruning: _Pruning) -> int:
    try:
        with transaction():
            return pruning.delete_some()
    except Exception as exc:
        if is_away(exc):
            raise
        # The other tables must not grow because of it; the gauge shows that this one does.
        event_log.error("pruning_failed", exc_info=True, table=pruning.table)
        return 0


def prune_expired(table: Expiring, before: datetime) -> int:
    """Delete the rows of a table that expired first, about a batch of them, and return how many."""
    expires_at = table.expires_at
    oldest = select(expires_at).where(expires_at < before).order_by(expires_at)
    through = db.session.scalar(oldest.offset(BATCH - 1).limit(1))
    return change(delete(table).where(expires_at < before if through is None else expires_at <= through))
