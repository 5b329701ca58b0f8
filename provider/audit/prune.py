"""Delete entries that are older than they may be kept, without breaking the chain."""

from datetime import datetime

from sqlalchemy import delete, func, select

from provider.audit.models import AuditEvent
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure.database import change, db


def prune(before: datetime, *, limit: int = 10_000) -> int:
    """Delete the oldest linked entries from before an instant and return how many there were.

    An entry of its own vouches for where the chain now begins, so that a deletion by anybody else
    still shows. The last link always stays, because the next one is made from it.
    """
    first_kept = _first_kept(before)
    if first_kept is None:
        return 0
    first = db.session.scalar(select(func.min(AuditEvent.seq))) or 0
    through = min(first_kept - 1, first + limit - 1)
    if through < first:
        return 0
    last_pruned = select(AuditEvent.chain).where(AuditEvent.seq == through)
    record(EventTag.AUDIT_PRUNED, actor="system", through=through, chain=db.session.scalar(last_pruned))
    return change(delete(AuditEvent).where(AuditEvent.seq <= through))


def _first_kept(before: datetime) -> int | None:
    """Return the number of the first entry that is young enough, or of the last one of all."""
    young = db.session.scalar(select(func.min(AuditEvent.seq)).where(AuditEvent.at >= before))
    return young if young is not None else db.session.scalar(select(func.max(AuditEvent.seq)))
