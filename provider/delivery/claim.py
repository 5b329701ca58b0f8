"""Take deliveries: one conditional update, so that two workers never own the same row (DLV-05)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from provider.delivery.fair import Choice, choose
from provider.delivery.gate import End
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.delivery.outgoing import ClaimedDelivery
from provider.delivery.queries import due_condition, is_free, is_pending, list_due, list_first_due
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_handle, new_id

# Enough to choose from, so that the apps have their turns; more would be read in vain.
_READ_AHEAD = 4
_LEAST_READ = 32


@dataclass(slots=True)
class Claim:
    """What was taken, each with its place; whom there was no place for; and whether more may be due."""

    taken: list[tuple[ClaimedDelivery, End]]
    held: set[UUID]
    may_be_more: bool


def claim_due(most: int, take: Callable[[UUID], End | None]) -> Claim:
    """Own up to so many due deliveries: the urgent first, then each app in its turn.

    The attempt is counted and its row written in the same transaction, which the caller commits before
    anything is sent: a worker that dies leaves its trace, and its rows are free again when the lease ends.
    """
    now, choice = clock.now(), Choice()
    limit = max(_LEAST_READ, _READ_AHEAD * most)
    waiting = list_due(now, limit)
    choose(waiting, take, most, choice)
    may_be_more = len(waiting) == limit or len(choice.places) == most
    if len(waiting) == limit and len(choice.places) < most:
        # All that was read belongs to apps that must wait: look behind them.
        waiting = list_first_due(now, limit, choice.held)
        choose([one for one in waiting if one.id not in choice.places], take, most, choice)
        may_be_more = bool(waiting)
    owned = {one.id: one for one in own(choice.places, now)}
    for delivery_id, end in choice.places.items():
        if delivery_id not in owned:
            end(None)
    taken = [(owned[key], end) for key, end in choice.places.items() if key in owned]
    return Claim(taken, choice.held, may_be_more)


def own(ids: Collection[UUID], now: datetime, *, due: bool = True) -> list[ClaimedDelivery]:
    """Own those of these deliveries that are still to be had."""
    if not ids:
        return []
    wanted = due_condition(now) if due else is_pending() & is_free(now)
    free = (
        select(Delivery.id)
        .where(Delivery.id.in_(ids), wanted)
        .with_for_update(skip_locked=True)
        # A common table expression with row locks is computed once; a subquery might be planned as a loop.
        .cte("free")
    )
    claim = (
        update(Delivery)
        .where(Delivery.id.in_(select(free.c.id)))
        .values(
            attempt_count=Delivery.attempt_count + 1,
            leased_until=now + current.settings().delivery_lease,
            lease_token=new_handle(),
        )
        .returning(Delivery)
    )
    options = {"synchronize_session": False, "populate_existing": True}
    mine = list(db.session.scalars(claim, execution_options=options))
    if mine:
        db.session.execute(insert(DeliveryAttempt), [_attempt_row(row, now) for row in mine])
    return [_claimed(row) for row in mine]


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
        last_status=row.last_status,
        last_url=row.last_url,
        next_attempt_at=row.next_attempt_at,
        first_attempt_at=row.first_attempt_at,
        lease_token=row.lease_token,
        leased_until=row.leased_until,
        correlation_id=row.correlation_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
