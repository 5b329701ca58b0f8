"""Owe a request to a recipient: one row each, in the transaction of its cause (DLV-01)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure import event_log
from provider.infrastructure.database import Base, db
from provider.infrastructure.many_rows import insert_many
from provider.infrastructure.opaque_tokens import new_id

# DLV-26: one commit for a logout, however many are notified, but no statement without bounds.
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A request to owe: of which kind, to whom, and about what."""

    kind: str
    # An identifier that the kind owns.
    recipient_id: UUID
    # Of one cause, or of one kind where there is no cause, each of these is owed once.
    subject_key: str
    # What the kind's builder needs, as JSON; the outbox only keeps it.
    about: Mapping[str, Any] | None = None
    # Later than that it has lost its meaning, even before the horizon (DLV-10).
    meaningful_for: timedelta | None = None
    # The same once more, in the columns where workers of the previous release look for it.
    earlier: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owing:
    """A request to owe because of one of many causes."""

    owed: Owed
    cause_id: UUID
    priority: int


def enqueue(
    owed: Iterable[Owed], *, cause_id: UUID | None, at: datetime, horizon: timedelta, priority: int
) -> list[Delivery]:
    """Add one delivery for each request to the open transaction; the first attempt is due at once.

    Raises IntegrityError for what is owed already.
    """
    deliveries = [
        Delivery(**_values(one, cause_id=cause_id, at=at, horizon=horizon, priority=priority)) for one in owed
    ]
    for start in range(0, len(deliveries), _CHUNK):
        db.session.add_all(deliveries[start : start + _CHUNK])
        db.session.flush()
    return deliveries


def enqueue_many(owed: Iterable[Owing], *, at: datetime, horizon: timedelta) -> None:
    """Do the same for many causes, in one statement for some hundred requests."""
    rows = []
    for one in owed:
        values = _values(one.owed, cause_id=one.cause_id, at=at, horizon=horizon, priority=one.priority)
        rows.append(_BY_DEFAULT | {_COLUMNS.get(name, name): value for name, value in values.items()})
    for start in range(0, len(rows), _CHUNK):
        insert_many(_table, rows[start : start + _CHUNK])


def _values(
    one: Owed, *, cause_id: UUID | None, at: datetime, horizon: timedelta, priority: int
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": one.kind,
        "cause_id": cause_id,
        "subject_key": one.subject_key,
        "recipient_id": one.recipient_id,
        "about": one.about,
        "state": DeliveryState.PENDING,
        "priority": priority,
        "attempt_count": 0,
        "attempts_before_resend": 0,
        "next_attempt_at": at,
        "correlation_id": event_log.correlation_id() or None,
        "created_at": at,
        "expires_at": at + min(horizon, one.meaningful_for or horizon),
        **one.earlier,
    }


_table: Table = Base.metadata.tables["delivery"]
# What a flush would fill in by itself, and the attributes whose columns have other names.
_BY_DEFAULT = {"refusals": 0, "unfinished_attempts": 0}
_COLUMNS = {
    attribute.key: attribute.property.columns[0].name
    for attribute in (Delivery.cause_id, Delivery.recipient_id)
}
