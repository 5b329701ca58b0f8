"""Write down how attempts went, if the deliveries are still ours to write about (DLV-05)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, and_, bindparam, delete, func, select, update

from provider.delivery.attempt import Report
from provider.delivery.judge import Accepted, Expired, Postponed, Rejected, RetryAt
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.outgoing import ClaimedDelivery, Superseded
from provider.infrastructure import clock
from provider.infrastructure.database import Base, db

Ended = tuple[ClaimedDelivery, Report]


def finish(ended: Sequence[Ended]) -> set[UUID]:
    """End the leases with their verdicts; returns the deliveries that were still ours.

    The others' leases had passed on, and nothing of them was changed.
    """
    ours = _ours([claimed for claimed, _ in ended])
    mine = sorted((one for one in ended if one[0].id in ours), key=lambda one: one[0].id)
    if not mine:
        return ours
    now = clock.now()
    db.session.connection().execute(_FINISH, [_row(claimed, report, now) for claimed, report in mine])
    made = [_attempt_row(claimed, report, now) for claimed, report in mine if report.exchange]
    if made:
        db.session.connection().execute(_CLOSE_ATTEMPT, made)
    # Nothing was sent, so there was no attempt.
    unmade = [_names(claimed) for claimed, report in mine if report.exchange is None]
    if unmade:
        db.session.connection().execute(_FORGET_ATTEMPT, unmade)
    return ours


def state_after(report: Report) -> DeliveryState:
    """Return the state that a report leads to."""
    match report.verdict:
        case Accepted():
            return DeliveryState.ACCEPTED
        case Rejected():
            return DeliveryState.REJECTED
        case Expired():
            return DeliveryState.EXPIRED
        case Superseded():
            return DeliveryState.SUPERSEDED
        case RetryAt() | Postponed():
            return DeliveryState.PENDING


def _ours(claimed: Sequence[ClaimedDelivery]) -> set[UUID]:
    """Lock the rows that we still own: a worker that slept through its lease has another token (FLT-11)."""
    tokens = {one.id: one.lease_token for one in claimed}
    rows = (
        select(Delivery.id, Delivery.lease_token)
        .where(Delivery.id.in_(tokens), Delivery.state == DeliveryState.PENDING)
        .order_by(Delivery.id)
        .with_for_update()
    )
    return {row.id for row in db.session.execute(rows) if row.lease_token == tokens[row.id]}


def _row(claimed: ClaimedDelivery, report: Report, now: datetime) -> dict[str, Any]:
    """Return the delivery's new values; None leaves the column as it is."""
    exchange, state = report.exchange, state_after(report)
    row: dict[str, Any] = {
        "own_id": claimed.id,
        "new_state": state.value,
        # Nothing was sent, so there was no attempt: its number is free again.
        "new_number": claimed.attempt_number if exchange else claimed.attempt_number - 1,
        "at": getattr(report.verdict, "at", None),
        "new_outcome": exchange.outcome if exchange else getattr(report.verdict, "outcome", None),
        "finished": now if state.is_final else None,
        "first": now if exchange else None,
        "new_url": exchange.url if exchange else None,
    }
    # An attempt that brought no answer has no status, so None must be written there.
    return row | {"new_status": exchange.status if exchange else claimed.last_status}


def _attempt_row(claimed: ClaimedDelivery, report: Report, now: datetime) -> dict[str, Any]:
    exchange = report.exchange
    if exchange is None:
        raise AssertionError("an attempt is an exchange")
    return _names(claimed) | {
        "at": now,
        "new_url": exchange.url,
        "new_jti": exchange.jti,
        "new_outcome": exchange.outcome,
        "new_status": exchange.status,
        "latency": exchange.latency_ms,
    }


def _names(claimed: ClaimedDelivery) -> dict[str, Any]:
    return {"own_id": claimed.id, "own_number": claimed.attempt_number}


_delivery: Table = Base.metadata.tables["delivery"]
_attempt: Table = Base.metadata.tables["delivery_attempt"]


def _or_as_it_is(column: str, name: str) -> Any:
    known = _delivery.c[column]
    return func.coalesce(bindparam(name, type_=known.type), known)


# Run once for many rows.
_FINISH = (
    update(_delivery)
    .where(_delivery.c.id == bindparam("own_id"))
    .values(
        state=bindparam("new_state"),
        attempt_count=bindparam("new_number"),
        next_attempt_at=_or_as_it_is("next_attempt_at", "at"),
        last_outcome=_or_as_it_is("last_outcome", "new_outcome"),
        last_status=bindparam("new_status"),
        last_url=_or_as_it_is("last_url", "new_url"),
        first_attempt_at=func.coalesce(
            _delivery.c.first_attempt_at, bindparam("first", type_=_delivery.c.first_attempt_at.type)
        ),
        finished_at=bindparam("finished"),
        leased_until=None,
        lease_token=None,
    )
)
_IS_THE_ATTEMPT = and_(
    _attempt.c.delivery_id == bindparam("own_id"), _attempt.c.number == bindparam("own_number")
)
_FORGET_ATTEMPT = delete(_attempt).where(_IS_THE_ATTEMPT)
_CLOSE_ATTEMPT = (
    update(_attempt)
    .where(_IS_THE_ATTEMPT)
    .values(
        finished_at=bindparam("at"),
        url=bindparam("new_url"),
        jti=bindparam("new_jti"),
        outcome=bindparam("new_outcome"),
        status=bindparam("new_status"),
        latency_ms=bindparam("latency"),
    )
)
