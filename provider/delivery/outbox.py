"""Add owed requests to the outbox: one row each, in the transaction of their cause (DLV-01)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure import event_log
from provider.infrastructure.database import Base
from provider.infrastructure.many_rows import insert_later
from provider.infrastructure.opaque_tokens import new_id

# DLV-26: one commit for a logout, however many apps are notified, but no statement of unbounded size.
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A request that is owed: its kind, its recipient and its subject."""

    kind: str
    # An identifier that the kind owns.
    recipient_id: UUID
    # Each subject is owed once per cause, or once per kind if there is no cause.
    subject_key: str
    # What the kind's builder needs, as JSON; the outbox only keeps it.
    about: Mapping[str, Any] | None = None
    # After this time it has lost its meaning, even before the horizon (DLV-10).
    meaningful_for: timedelta | None = None
    # The same data again, in the columns that workers of the previous release read.
    earlier: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owing:
    """A request that is owed, with its cause, if there is one, and its priority among due deliveries."""

    owed: Owed
    cause_id: UUID | None
    priority: int


def enqueue(owing: Iterable[Owing], *, at: datetime, horizon: timedelta) -> None:
    """Add one delivery for each request to the open transaction; the first attempt is due at once.

    One statement inserts several hundred requests. Raises IntegrityError for a request that is already owed.
    """
    rows = [_row(one, at=at, horizon=horizon) for one in owing]
    # Kinds may have earlier columns of their own.
    none = dict.fromkeys(chain.from_iterable(rows))
    rows = [none | row for row in rows]
    for start in range(0, len(rows), _CHUNK):
        insert_later(_table, rows[start : start + _CHUNK])


def _row(owing: Owing, *, at: datetime, horizon: timedelta) -> dict[str, Any]:
    """Return the values of a new row by the names of their columns."""
    one = owing.owed
    return {
        "id": new_id(),
        "kind": one.kind,
        _CAUSE_ID: owing.cause_id,
        "subject_key": one.subject_key,
        _RECIPIENT_ID: one.recipient_id,
        "about": one.about,
        "state": DeliveryState.PENDING,
        "priority": owing.priority,
        "attempt_count": 0,
        "attempts_before_resend": 0,
        "refusals": 0,
        "unfinished_attempts": 0,
        "next_attempt_at": at,
        "correlation_id": event_log.correlation_id() or None,
        "created_at": at,
        "expires_at": at + min(horizon, one.meaningful_for or horizon),
        **one.earlier,
    }


_table: Table = Base.metadata.tables["delivery"]
# The columns whose names are not those of their attributes.
_CAUSE_ID, _RECIPIENT_ID = (
    attribute.property.columns[0].name for attribute in (Delivery.cause_id, Delivery.recipient_id)
)
