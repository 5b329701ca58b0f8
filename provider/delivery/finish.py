"""Record how attempts went, if this worker still holds the leases of the deliveries (DLV-05)."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, delete, select, tuple_

from provider.delivery.attempt import AttemptResult
from provider.delivery.judge import Accepted, Expired, Outcome, Postponed, RetryAt
from provider.delivery.models import REFUSALS, Delivery, DeliveryState
from provider.delivery.outgoing import Cancelled, LeasedDelivery, Superseded
from provider.delivery.queries import is_still_pending
from provider.infrastructure import clock
from provider.infrastructure.built_once import fetch
from provider.infrastructure.database import Base, change, connection, is_sqlite
from provider.infrastructure.many_rows import given_ids, is_given, update_later

Ended = tuple[LeasedDelivery, AttemptResult]


def finish(ended: Sequence[Ended]) -> set[LeasedDelivery]:
    """End the leases with their verdicts; return the deliveries whose leases were still held.

    The other deliveries have been leased again, perhaps by this worker and with a result in the same batch;
    they are left unchanged.
    """
    held = _lock_held([leased for leased, _ in ended])
    valid = [one for one in ended if one[0] in held]
    if not valid:
        return held
    now = clock.now()
    update_later(_delivery, [_row(leased, result, now) for leased, result in valid], ("id",))
    made = [_attempt_row(leased, result, now) for leased, result in valid if result.sent]
    if made:
        update_later(_attempt, made, ("delivery_id", "number"))
    unmade = [_key(leased) for leased, result in valid if result.sent is None]
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


def _lock_held(leased: Sequence[LeasedDelivery]) -> set[LeasedDelivery]:
    """Lock the rows whose leases are still held: after a later lease a row has another token (FLT-11)."""
    rows = fetch(connection(), _locked(sqlite=is_sqlite()), given_ids({one.id for one in leased}))
    tokens = {key: token for key, token in rows}  # noqa: C416 – the rows are lists.
    return {one for one in leased if tokens.get(one.id) == one.lease_token}


@cache
def _locked(*, sqlite: bool) -> Select[Any]:
    return (
        select(*_KEPT)
        .where(is_given(Delivery.id, sqlite=sqlite), is_still_pending())
        .order_by(Delivery.id)
        .with_for_update()
    )


def _row(leased: LeasedDelivery, result: AttemptResult, now: datetime) -> dict[str, Any]:
    """Return the delivery's new values."""
    sent, state = result.sent, state_after(result)
    outcome = sent.outcome if sent else getattr(result.verdict, "outcome", None)
    return {
        "id": leased.id,
        "state": state.value,
        # Nothing was sent, so there was no attempt: its number is free again.
        "attempt_count": leased.attempt_number if sent else leased.attempt_number - 1,
        "refusals": leased.refusals + (outcome in REFUSALS),
        # A delivery that had to wait because of crashes may crash once more before it has to wait again.
        "unfinished_attempts": 1 if outcome == Outcome.CRASHED else 0,
        "cancel_reason": getattr(result.verdict, "reason", None),
        "next_attempt_at": getattr(result.verdict, "at", leased.next_attempt_at),
        "last_outcome": outcome or leased.last_outcome,
        "last_status": sent.status if sent else leased.last_status,
        "last_url": sent.url if sent else leased.last_url,
        "first_attempt_at": leased.first_attempt_at or (now if sent else None),
        "finished_at": now if state.is_final else None,
        "leased_until": None,
        "lease_token": None,
    }


def _attempt_row(leased: LeasedDelivery, result: AttemptResult, now: datetime) -> dict[str, Any]:
    sent = result.sent
    if sent is None:
        raise AssertionError("an attempt has a sent request")
    return {
        "delivery_id": leased.id,
        "number": leased.attempt_number,
        "finished_at": now,
        "url": sent.url,
        "jti": sent.jti,
        "outcome": sent.outcome,
        "status": sent.status,
        "latency_ms": sent.latency_ms,
    }


def _key(leased: LeasedDelivery) -> tuple[UUID, int]:
    return leased.id, leased.attempt_number


_KEPT: tuple[Any, ...] = (Delivery.id, Delivery.lease_token)
_delivery: Table = Base.metadata.tables["delivery"]
_attempt: Table = Base.metadata.tables["delivery_attempt"]
