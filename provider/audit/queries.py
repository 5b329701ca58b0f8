"""Queries for audit entries."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select

from provider.audit.models import CLIENT_CHANGE, AuditEvent
from provider.audit.tags import EventTag
from provider.infrastructure.database import db

# An entry is written in the transaction of its act, hardly later than the act's own instant.
_WRITTEN_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of entries; a field that is None matches every entry."""

    tags: tuple[EventTag, ...] = ()
    account_id: UUID | None = None
    client_id: str | None = None
    logout_id: UUID | None = None
    actor_name: str | None = None
    since: datetime | None = None


def list_client_changes(client_id: str, limit: int) -> list[AuditEvent]:
    """Return the changes of a client, newest first. Served by ix_audit_event_client_change."""
    changes = select(AuditEvent).where(AuditEvent.client_id == client_id, CLIENT_CHANGE)
    return list(db.session.scalars(changes.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit)))


def find(event_id: UUID) -> AuditEvent | None:
    """Find an entry by its identifier; None if it does not exist or was pruned."""
    return db.session.get(AuditEvent, event_id)


def find_of_logout(account_id: UUID, logout_id: UUID, at: datetime) -> AuditEvent | None:
    """Find the entry of a logout, given its person and instant. Served by ix_audit_event_account_id_at."""
    written = select(AuditEvent).where(
        AuditEvent.account_id == account_id,
        AuditEvent.at.between(at, at + _WRITTEN_WITHIN),
        AuditEvent.tag == EventTag.LOGOUT,
        AuditEvent.logout_id == logout_id,
    )
    return db.session.scalars(written.limit(1)).one_or_none()


def list_following(
    tags: Collection[EventTag], *, after: AuditEvent | None, until: datetime, limit: int
) -> list[AuditEvent]:
    """Return entries written before an instant, oldest first; `after` is the last entry already read.

    Served by ix_audit_event_at_id.
    """
    query = select(AuditEvent).where(AuditEvent.tag.in_([tag.value for tag in tags]), AuditEvent.at < until)
    if after is not None:
        same_instant = and_(AuditEvent.at == after.at, AuditEvent.id > after.id)
        query = query.where(AuditEvent.at >= after.at, or_(AuditEvent.at > after.at, same_instant))
    return list(db.session.scalars(query.order_by(AuditEvent.at, AuditEvent.id).limit(limit)))


def find_latest(until: datetime) -> AuditEvent | None:
    """Find the last entry written before an instant. Served by ix_audit_event_at_id."""
    last = (
        select(AuditEvent).where(AuditEvent.at < until).order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    )
    return db.session.scalars(last.limit(1)).one_or_none()


def list_events(
    wanted: Filter | None = None, *, before: AuditEvent | None = None, limit: int = 100
) -> list[AuditEvent]:
    """Return entries, newest first; `before` continues after the last one of a page.

    Served by ix_audit_event_at_id, and by indexes for an account, a client, an event and an operator.
    """
    wanted = wanted or Filter()
    query = select(AuditEvent)
    if wanted.tags:
        query = query.where(AuditEvent.tag.in_([tag.value for tag in wanted.tags]))
    for column in ("account_id", "client_id", "logout_id", "actor_name"):
        value = getattr(wanted, column)
        if value is not None:
            query = query.where(getattr(AuditEvent, column) == value)
    if wanted.since is not None:
        query = query.where(AuditEvent.at >= wanted.since)
    if before is not None:
        same_instant = and_(AuditEvent.at == before.at, AuditEvent.id < before.id)
        # The first condition is redundant, but an index serves it.
        query = query.where(AuditEvent.at <= before.at, or_(AuditEvent.at < before.at, same_instant))
    return list(db.session.scalars(query.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit)))
