"""Take deliveries: one conditional update, so that two workers never own the same row (DLV-05)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, insert, select, update

from provider.delivery.models import Delivery, DeliveryAttempt
from provider.delivery.outgoing import ClaimedDelivery
from provider.delivery.queries import due_condition
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_handle, new_id


def claim_due(limit: int, *, logout_id: UUID | None = None) -> list[ClaimedDelivery]:
    """Own up to so many due deliveries, the urgent and the longest waiting first.

    The attempt is counted and its row written in the same transaction, which the caller commits before
    anything is sent: a worker that dies leaves its trace, and its rows are free again when the lease ends.
    """
    now = clock.now()
    claim = (
        update(Delivery)
        .where(Delivery.id.in_(_due_ids(now, limit, logout_id)))
        .values(
            attempt_count=Delivery.attempt_count + 1,
            leased_until=now + current.settings().delivery_lease,
            lease_token=new_handle(),
        )
        .returning(Delivery)
    )
    options = {"synchronize_session": False, "populate_existing": True}
    rows = db.session.scalars(claim, execution_options=options)
    mine = sorted(rows, key=lambda row: (row.priority, row.next_attempt_at))
    if mine:
        db.session.execute(insert(DeliveryAttempt), [_attempt_row(row, now) for row in mine])
    return [_claimed(row) for row in mine]


def _due_ids(now: datetime, limit: int, logout_id: UUID | None) -> Select[tuple[UUID]]:
    """Choose and lock rows; one that another worker has locked is its business."""
    chosen = (
        select(Delivery.id)
        .where(due_condition(now, logout_id))
        .order_by(Delivery.priority, Delivery.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # A common table expression with row locks is computed once; a subquery might be planned as a loop.
        .cte("due")
    )
    return select(chosen.c.id)


def _attempt_row(row: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "delivery_id": row.id,
        "number": row.attempt_count,
        "started_at": now,
    }


def _claimed(row: Delivery) -> ClaimedDelivery:
    if row.lease_token is None or row.leased_until is None:
        raise AssertionError("a claimed delivery has a lease")
    return ClaimedDelivery(
        id=row.id,
        kind=row.kind,
        logout_id=row.logout_id,
        client_id=row.client_id,
        account_id=row.account_id,
        session_id=row.session_id,
        sub=row.sub,
        sid=row.sid,
        attempt_number=row.attempt_count,
        try_number=row.attempt_count - row.attempts_before_resend,
        last_outcome=row.last_outcome,
        lease_token=row.lease_token,
        leased_until=row.leased_until,
        correlation_id=row.correlation_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
