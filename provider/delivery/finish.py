"""Record how attempts went, if this worker still holds the leases of the deliveries (DLV-05)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, select, tuple_

from provider.delivery.attempt import AttemptResult
from provider.delivery.judge import Accepted, Expired, Outcome, Postponed, RetryAt
from provider.delivery.models import REFUSALS, Delivery, DeliveryState
from provider.delivery.outgoing import Cancelled, ClaimedDelivery, Superseded
from provider.delivery.queries import is_still_pending
from provider.infrastructure import clock
from provider.infrastructure.database import Base, change, db
from provider.infrastructure.many_rows import is_among, update_many

Ended = tuple[ClaimedDelivery, AttemptResult]


def finish(ended: Sequence[Ended]) -> set[ClaimedDelivery]:
    """End the leases with their verdicts; returns the claims whose leases still held.

    The other leases had passed on, perhaps to a later claim of this worker in the same batch, and nothing
    of those deliveries was changed.
    """
    held = _lock_held([claimed for claimed, _ in ended])
    valid = [one for one in ended if one[0] in held]
    if not valid:
        return held
    now = clock.now()
    update_many(_delivery, [_row(claimed, result, now) for claimed, result in valid], ("id",))
    made = [_attempt_row(claimed, result, now) for claimed, result in valid if result.exchange]
    if made:
        update_many(_attempt, made, ("delivery_id", "number"))
    unmade = [_key(claimed) for claimed, result in valid if result.exchange is None]
    if unmade:
        # Nothing was sent, so there was no attempt.
        change(delete(_attempt).where(tuple_(_attempt.c.delivery_id, _attempt.c.number).in_(unmade)))
    return held


def state_after(result: AttemptResult) -> DeliveryState:
    """Return the state that a result leads to."""
    match result.verdict:
        case Accepted():
            return DeliveryState.ACCEPTED
        case Expired():
            return DeliveryState.EXPIRED
        case Cancelled():
            return DeliveryState.CANCELLED
        case Superseded():
            return DeliveryState.SUPERSEDED
        case RetryAt() | Postponed():
            return DeliveryState.PENDING


def _lock_held(claimed: Sequence[ClaimedDelivery]) -> set[ClaimedDelivery]:
    """Lock the rows whose leases still hold: after a later claim a row has another token (FLT-11)."""
    rows = (
        select(Delivery.id, Delivery.lease_token)
        .where(is_among(Delivery.id, {one.id for one in claimed}), is_still_pending())
        .order_by(Delivery.id)
        .with_for_update()
    )
    tokens = {row.id: row.lease_token for row in db.session.connection().execute(rows)}
    return {one for one in claimed if tokens.get(one.id) == one.lease_token}


def _row(claimed: ClaimedDelivery, result: AttemptResult, now: datetime) -> dict[str, Any]:
    """Return the delivery's new values."""
    exchange, state = result.exchange, state_after(result)
    outcome = exchange.outcome if exchange else getattr(result.verdict, "outcome", None)
    return {
        "id": claimed.id,
        "state": state.value,
        # Nothing was sent, so there was no attempt: its number is free again.
        "attempt_count": claimed.attempt_number if exchange else claimed.attempt_number - 1,
        "refusals": claimed.refusals + (outcome in REFUSALS),
        # One that waits for its crashes may crash once more before it waits again.
        "unfinished_attempts": 1 if outcome == Outcome.CRASHED else 0,
        "cancel_reason": getattr(result.verdict, "reason", None),
        "next_attempt_at": getattr(result.verdict, "at", claimed.next_attempt_at),
        "last_outcome": outcome or claimed.last_outcome,
        "last_status": exchange.status if exchange else claimed.last_status,
        "last_url": exchange.url if exchange else claimed.last_url,
        "first_attempt_at": claimed.first_attempt_at or (now if exchange else None),
        "finished_at": now if state.is_final else None,
        "leased_until": None,
        "lease_token": None,
    }


def _attempt_row(claimed: ClaimedDelivery, result: AttemptResult, now: datetime) -> dict[str, Any]:
    exchange = result.exchange
    if exchange is None:
        raise AssertionError("an attempt is an exchange")
    return {
        "delivery_id": claimed.id,
        "number": claimed.attempt_number,
        "finished_at": now,
        "url": exchange.url,
        "jti": exchange.jti,
        "outcome": exchange.outcome,
        "status": exchange.status,
        "latency_ms": exchange.latency_ms,
    }


def _key(claimed: ClaimedDelivery) -> tuple[UUID, int]:
    return claimed.id, claimed.attempt_number


_delivery: Table = Base.metadata.tables["delivery"]
_attempt: Table = Base.metadata.tables["delivery_attempt"]
