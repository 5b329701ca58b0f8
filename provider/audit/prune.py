"""Delete entries past their retention time, but never entries that were tampered with."""

from datetime import datetime

from sqlalchemy import delete

from provider.audit.models import AuditEvent
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.audit.verify import Pruned, Walk, oldest
from provider.infrastructure import event_log
from provider.infrastructure.database import change


def prune(before: datetime, *, limit: int = 10_000) -> int:
    """Delete the oldest linked entries written before an instant and return how many there were.

    Only entries that verify are deleted. At the first changed entry, for example one whose time was moved
    back, pruning stops and logs it, so that the evidence stays. Pruning is itself recorded in an entry, which
    holds the last deleted link and so proves where the chain now begins.
    """
    end = _last_to_delete(before, limit)
    if end is None:
        return 0
    last = end.through
    record(EventTag.AUDIT_PRUNED, actor="system", through=last.seq, chain=last.chain, least=end.least)
    return change(delete(AuditEvent).where(AuditEvent.seq <= last.seq))


def _last_to_delete(before: datetime, limit: int) -> Pruned | None:
    walk, end = Walk(), None
    # The newest link always stays, because the next one is made from it.
    for event in oldest(limit + 1)[:-1]:
        if event.at >= before:
            break
        if problems := walk.step(event):
            event_log.error("audit_not_pruned", problems=problems)
            break
        end = Pruned(walk.at, walk.least)
    return end
