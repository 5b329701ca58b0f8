"""Deliveries to an endpoint that has failed so often that it is left in peace."""

from sqlalchemy import select

from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.infrastructure.database import db
from provider.logout.notification.outbox import drain
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.receivers import Receiver
from tests.factories import make_client


def health() -> EndpointHealth:
    """Return the health of the only endpoint that has failed."""
    db.session.commit()
    found = db.session.scalars(select(EndpointHealth), execution_options={"populate_existing": True}).one()
    db.session.commit()
    return found


def states_of(owed: list[Delivery]) -> list[tuple[str, int]]:
    """Each delivery's state and number of attempts, in order."""
    rows = [now_is(one) for one in owed]
    return sorted((row.state, row.attempt_count) for row in rows)


def hold(red: Receiver, count: int = 14) -> list[Delivery]:
    """Owe red some deliveries, and attempt them until red is left in peace."""
    owed = sign_out_at(make_client("red", port=red.port), count=count)
    drain()
    assert health().state == BreakerState.OPEN
    return owed
