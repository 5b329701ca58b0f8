"""The audit as a stream for another system: oldest first, resumable after the last entry that was read."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, or_, select

from provider.audit.models import AuditEvent
from provider.audit.ocsf import as_ocsf
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, reading

# Longer than any transaction: no entry older than this can still be committed and so be missed by a reader.
SETTLED = timedelta(seconds=10)
_BATCH = 1000
_COLUMNS = (
    *("id", "at", "tag", "actor", "actor_name", "actor_origin", "account_id", "client_id", "session_id"),
    *("logout_id", "ip", "correlation_id", "detail", "seq", "chain"),
)


class Format(StrEnum):
    """The form of an exported entry."""

    PLAIN = "jsonl"
    OCSF = "ocsf"


def list_from(
    *, after: AuditEvent | None, since: datetime | None, until: datetime | None, limit: int
) -> list[AuditEvent]:
    """Return entries that are older than ten seconds, oldest first. Served by ix_audit_event_at_id."""
    settled = clock.now() - SETTLED
    query = select(AuditEvent).where(AuditEvent.at < min(until or settled, settled))
    if since is not None:
        query = query.where(AuditEvent.at >= since)
    if after is not None:
        same_instant = and_(AuditEvent.at == after.at, AuditEvent.id > after.id)
        query = query.where(AuditEvent.at >= after.at, or_(AuditEvent.at > after.at, same_instant))
    return list(db.session.scalars(query.order_by(AuditEvent.at, AuditEvent.id).limit(limit)))


def stream(
    *, after: AuditEvent | None, since: datetime | None, until: datetime | None
) -> Iterator[AuditEvent]:
    """Yield entries a batch at a time, each read in a transaction of its own."""
    while True:
        with reading():
            found = list_from(after=after, since=since, until=until, limit=_BATCH)
        yield from found
        if len(found) < _BATCH:
            return
        after = found[-1]


def as_exported(event: AuditEvent, form: Format) -> dict[str, Any]:
    """Return an entry in a form that JSON can hold."""
    if form is Format.OCSF:
        return as_ocsf(event, current.settings().issuer)
    made = {name: getattr(event, name) for name in _COLUMNS}
    return {name: _plain(value) for name, value in made.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, dict)) or value is None else str(value)
