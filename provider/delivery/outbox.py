"""Owe somebody a request: one row each, in the transaction of what they must be told about (DLV-01)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure import event_log
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id

BACKCHANNEL_LOGOUT = "backchannel_logout"
# DLV-26: one commit for an ending, however many are told, but no statement without bounds.
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The recipient of a delivery and its subject."""

    client_id: UUID
    account_id: UUID
    session_id: UUID | None
    sub: str
    # None for a client that is sent `sub` alone.
    sid: str | None
    # What was ended: of one ending, each of these is told once.
    subject_key: str
    # How long the client's own sessions live at most: later than that there is nothing left to end (DLV-10).
    meaningful_for: timedelta | None = None
    kind: str = BACKCHANNEL_LOGOUT


def enqueue(
    notices: Iterable[Notice], *, logout_id: UUID, at: datetime, horizon: timedelta, priority: int
) -> list[Delivery]:
    """Add one delivery for each notice to the open transaction; the first attempt is due at once."""
    deliveries = [
        Delivery(
            id=new_id(),
            kind=notice.kind,
            logout_id=logout_id,
            subject_key=notice.subject_key,
            client_id=notice.client_id,
            account_id=notice.account_id,
            session_id=notice.session_id,
            sub=notice.sub,
            sid=notice.sid,
            state=DeliveryState.PENDING,
            priority=priority,
            attempt_count=0,
            attempts_before_resend=0,
            next_attempt_at=at,
            correlation_id=event_log.correlation_id() or None,
            created_at=at,
            expires_at=at + min(horizon, notice.meaningful_for or horizon),
        )
        for notice in notices
    ]
    for start in range(0, len(deliveries), _CHUNK):
        db.session.add_all(deliveries[start : start + _CHUNK])
        db.session.flush()
    return deliveries
