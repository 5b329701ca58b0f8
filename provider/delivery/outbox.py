"""How a request that we owe gets into the outbox: as a row of the transaction that owes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure import event_log
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one client is owed: about whom, and under which name it knows what ended."""

    client_id: UUID
    account_id: UUID
    session_id: UUID | None
    sub: str
    # None for a client that acts on `sub` alone.
    sid: str | None
    # What makes the notice the only one of its ending (DLV-01).
    subject_key: str


def enqueue(
    notices: Sequence[Notice], *, logout_id: UUID, at: datetime, horizon: timedelta, priority: int
) -> None:
    """Write one delivery for each notice, due at once, in a single statement."""
    if not notices:
        return
    rows = [
        {
            "id": new_id(),
            "kind": "backchannel_logout",
            "logout_id": logout_id,
            "subject_key": notice.subject_key,
            "client_id": notice.client_id,
            "account_id": notice.account_id,
            "session_id": notice.session_id,
            "sub": notice.sub,
            "sid": notice.sid,
            "state": DeliveryState.PENDING,
            "priority": priority,
            "attempt_count": 0,
            "next_attempt_at": at,
            "correlation_id": event_log.correlation_id() or None,
            "created_at": at,
            "expires_at": at + horizon,
        }
        for notice in notices
    ]
    db.session.execute(insert(Delivery), rows)
