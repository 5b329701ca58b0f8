"""The outbox at work for this house: which requests it can build, and the audit entry of each result."""

from collections import Counter

from sqlalchemy import select

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.delivery.attempt import Report
from provider.delivery.dispatch import Dispatcher
from provider.delivery.finish import state_after
from provider.delivery.models import DeliveryState
from provider.delivery.outbox import BACKCHANNEL_LOGOUT
from provider.delivery.outgoing import Builder, ClaimedDelivery
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.logout import logout_token

# A new kind of delivery is one more builder here.
BUILDERS: dict[str, Builder] = {BACKCHANNEL_LOGOUT: logout_token.build}
_TAGS = {
    DeliveryState.ACCEPTED: EventTag.DELIVERY_ACCEPTED,
    DeliveryState.REJECTED: EventTag.DELIVERY_REJECTED,
    DeliveryState.EXPIRED: EventTag.DELIVERY_EXPIRED,
    DeliveryState.SUPERSEDED: EventTag.DELIVERY_SUPERSEDED,
}


def make_dispatcher(concurrency: int | None = None) -> Dispatcher:
    """Return a dispatcher for the application at work; who makes it closes it."""
    return Dispatcher(
        builders=BUILDERS,
        record=record_result,
        concurrency=concurrency or current.settings().delivery_concurrency,
    )


def drain(limit: int | None = None) -> "Counter[str]":
    """Attempt everything that is due, without broker or worker (DLV-25), and count the states it came to."""
    dispatcher = make_dispatcher()
    try:
        return dispatcher.drain(limit=limit)
    finally:
        dispatcher.close()


def record_result(claimed: ClaimedDelivery, report: Report) -> None:
    """Write the audit entry of a delivery that has reached its final state, in the same transaction."""
    outcome = report.exchange.outcome if report.exchange else getattr(report.verdict, "outcome", None)
    record(
        _TAGS[state_after(report)],
        actor="system",
        account_id=claimed.account_id,
        client_id=db.session.scalar(select(Client.client_id).where(Client.id == claimed.client_id)),
        session_id=claimed.session_id,
        logout_id=claimed.logout_id,
        delivery_id=claimed.id,
        attempts=claimed.attempt_number if report.exchange else claimed.attempt_number - 1,
        outcome=outcome,
        status=report.exchange.status if report.exchange else None,
    )
