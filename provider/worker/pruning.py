"""Delete expired and finished rows in small batches, oldest first, so that no request waits for a lock."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, select, tuple_

from provider.audit import prune as audit_prune
from provider.delivery.prune import prune_finished
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.database_errors import is_away
from provider.inspection.overdue import Expiring, kept_after_expiry
from provider.logout.notification import punctuality

BATCH = 500
# Other duties, and a worker that stops, wait no longer than this; the rest is deleted right afterwards.
TIME_LIMIT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Pruning:
    """Deletes a batch of one table's rows and returns how many there were."""

    table: str
    delete_some: Callable[[], int]


def prune(*, batch: int = BATCH, time_limit: timedelta = TIME_LIMIT) -> bool:
    """Delete rows whose retention has ended; return whether the time limit left some of them.

    It goes from table to table, a batch of each: a flooded table does not keep the others from being pruned.
    """
    stop_at = time.monotonic() + time_limit.total_seconds()
    left = [pruning for pruning in _prunings(batch) if _delete_batch(pruning) >= batch]
    while left and time.monotonic() < stop_at:
        left = [pruning for pruning in left if _delete_batch(pruning) >= batch]
    return bool(left)


def _prunings(batch: int) -> Iterator[_Pruning]:
    now, settings = clock.now(), current.settings()
    for table, kept in kept_after_expiry().items():
        yield _Pruning(table.__tablename__, partial(prune_expired, table, now - kept, batch))
    yield _Pruning("delivery", partial(prune_finished, now - settings.delivery_retention, batch))
    yield _Pruning("notification_count", partial(punctuality.prune, batch))
    yield _Pruning("audit_event", partial(audit_prune.prune, now - settings.audit_retention, limit=batch))


def _delete_batch(pruning: _Pruning) -> int:
    try:
        with transaction():
            return pruning.delete_some()
    except Exception as exc:
        if is_away(exc):
            raise
        # The other tables must still be pruned; the gauge shows that this table grows.
        event_log.error("pruning_failed", exc_info=True, table=pruning.table)
        return 0


def prune_expired(table: Expiring, before: datetime, limit: int = BATCH) -> int:
    """Delete up to `limit` expired rows of a table, oldest first, and return how many there were.

    They are found by the index and deleted by their keys, in two statements. In a single statement,
    PostgreSQL would search for the oldest again for each row if it takes the table to be small; and for a
    condition on the instant alone, whose value it does not know when it plans, it would read the whole table.
    """
    key = table.__table__.primary_key
    oldest = select(*key).where(table.expires_at < before).order_by(table.expires_at).limit(limit)
    found = [tuple(row) for row in db.session.execute(oldest)]
    if not found:
        return 0
    return change(delete(table).where(tuple_(*key).in_(found)))
