"""Owe somebody a request: one row each, in the transaction of what they must be told about (DLV-01)."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id

URGENT = 0
ORDINARY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Who is to be told, and of what."""

    logout_id: UUID
    # What was ended: the client session's id, or the grant's or client's where there is none.
    subject_key: str
    client_id: UUID
    account_id: UUID
    session_id: UUID | None
    sub: str
    # None for a client that acts on `sub` alone.
    sid: str | None
    kind: str = "backchannel_logout"
    priority: int = ORDINARY


def enqueue(notices: Iterable[Notice]) -> list[Delivery]:
    """Add one delivery for each notice to the open transaction; the first attempt is due at once."""
    deliveries = [_row(notice) for notice in notices]
    db.session.add_all(deliveries)
    return deliveries


def _row(notice: Notice) -> Delivery:
    now = clock.now()
    return Delivery(
        id=new_id(),
        kind=notice.kind,
        logout_id=notice.logout_id,
        subject_key=notice.subject_key,
        client_id=notice.client_id,
        account_id=notice.account_id,
        session_id=notice.session_id,
        sub=notice.sub,
        sid=notice.sid,
        state=DeliveryState.PENDING,
        priority=notice.priority,
        attempt_count=0,
        attempts_before_resend=0,
        next_attempt_at=now,
        correlation_id=event_log.correlation_id() or None,
        created_at=now,
        expires_at=now + current.settings().delivery_horizon,
    )
