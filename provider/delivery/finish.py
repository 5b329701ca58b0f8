"""Write down how an attempt went, if the delivery is still ours to write about (DLV-05)."""

from typing import Any

from sqlalchemy import delete, func, update

from provider.delivery.attempt import Report
from provider.delivery.judge import Accepted, Expired, Postponed, Rejected, RetryAt
from provider.delivery.models import Delivery, DeliveryAttempt, DeliveryState
from provider.delivery.outgoing import ClaimedDelivery, Exchange, Superseded
from provider.infrastructure import clock
from provider.infrastructure.database import change, db


def finish(claimed: ClaimedDelivery, report: Report) -> bool:
    """End the lease with a verdict; False means that the lease had passed on and nothing was changed."""
    values = _verdict_values(report) | _exchange_values(report.exchange)
    if report.exchange is None:
        # Nothing was sent, so there was no attempt: its number is free again.
        values["attempt_count"] = claimed.attempt_number - 1
    # The fence: a worker that slept through its lease has another token than the row (FLT-11).
    mine = (
        update(Delivery)
        .where(
            Delivery.id == claimed.id,
            Delivery.lease_token == claimed.lease_token,
            Delivery.state == DeliveryState.PENDING,
        )
        .values(leased_until=None, lease_token=None, **values)
    )
    if change(mine) != 1:
        return False
    _close_attempt(claimed, report.exchange)
    return True


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


def _verdict_values(report: Report) -> dict[str, Any]:
    state = state_after(report)
    values: dict[str, Any] = {"state": state.value}
    if state.is_final:
        values["finished_at"] = clock.now()
    match report.verdict:
        case RetryAt(at=at) | Postponed(at=at):
            values["next_attempt_at"] = at
        case Rejected(outcome=outcome) | Expired(outcome=outcome):
            values["last_outcome"] = outcome
        case Accepted() | Superseded():
            pass
    return values


def _exchange_values(exchange: Exchange | None) -> dict[str, Any]:
    if exchange is None:
        return {}
    return {
        "last_outcome": exchange.outcome,
        "last_status": exchange.status,
        "last_url": exchange.url,
        "first_attempt_at": func.coalesce(Delivery.first_attempt_at, clock.now()),
    }


def _close_attempt(claimed: ClaimedDelivery, exchange: Exchange | None) -> None:
    this_one = (
        DeliveryAttempt.delivery_id == claimed.id,
        DeliveryAttempt.number == claimed.attempt_number,
    )
    if exchange is None:
        change(delete(DeliveryAttempt).where(*this_one))
        return
    went = update(DeliveryAttempt).where(*this_one)
    db.session.execute(
        went.values(
            finished_at=clock.now(),
            url=exchange.url,
            jti=exchange.jti,
            outcome=exchange.outcome,
            status=exchange.status,
            latency_ms=exchange.latency_ms,
        ),
        execution_options={"synchronize_session": False},
    )
