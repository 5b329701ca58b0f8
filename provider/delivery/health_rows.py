"""The rows of endpoint health that workers share: read together, locked in one order, taken for a trial."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.delivery.queries import due_condition
from provider.infrastructure.database import change, db, is_sqlite

_NOTHING = {"consecutive_failures": 0, "refusals": 0, "window_attempts": 0, "window_failures": 0}


def list_failing() -> Sequence[EndpointHealth]:
    """List the endpoints that fail or whose breaker is not closed, as they are in the database now."""
    failing = or_(EndpointHealth.failing_since.is_not(None), EndpointHealth.state != BreakerState.CLOSED)
    return db.session.scalars(
        select(EndpointHealth).where(failing), execution_options={"populate_existing": True}
    ).all()


def lock(client_ids: Collection[UUID]) -> Sequence[EndpointHealth]:
    """Return the rows, made where there are none, in one order so that two workers never block each other."""
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    rows = [{"client_id": key, "state": "closed", "trips": 0, **_NOTHING} for key in client_ids]
    db.session.execute(insert(EndpointHealth).values(rows).on_conflict_do_nothing())
    wanted = select(EndpointHealth).where(EndpointHealth.client_id.in_(client_ids))
    return db.session.scalars(
        wanted.order_by(EndpointHealth.client_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()


def take_trial(
    known: EndpointHealth, holder: str, *, now: datetime, until: datetime, new_urls: Mapping[UUID, str | None]
) -> bool:
    """Take the next trial of an endpoint, if no other worker has; the row count decides.

    `new_urls` has the clients that have moved to another address, which may be tried before the wait is over.
    """
    values: dict[str, object] = {
        "state": BreakerState.RECOVERING.value,
        "holder": holder,
        "open_until": until,
    }
    free = EndpointHealth.open_until <= now
    if known.client_id in new_urls:
        free = EndpointHealth.url == known.url
        values["url"] = new_urls[known.client_id]
    trial = update(EndpointHealth).where(
        EndpointHealth.client_id == known.client_id, EndpointHealth.state != BreakerState.CLOSED, free
    )
    return change(trial.values(values)) == 1


def has_due(client_id: UUID, now: datetime) -> bool:
    """Whether a delivery to this client is due."""
    waits = exists().where(Delivery.client_id == client_id, due_condition(now))
    return bool(db.session.scalar(select(waits)))
