"""The rows of endpoint health that workers share: read together, locked in one order, taken for a trial."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from provider.delivery.models import BreakerState, EndpointHealth
from provider.delivery.queries import due_condition, is_health_among, is_health_of, is_to
from provider.delivery.recipient import Recipient
from provider.infrastructure.database import change, db, is_sqlite

_NOTHING = {"consecutive_failures": 0, "refusals": 0, "window_attempts": 0, "window_failures": 0}


def list_failing() -> Sequence[EndpointHealth]:
    """List the endpoints that fail or whose breaker is not closed, as they are in the database now."""
    failing = or_(EndpointHealth.failing_since.is_not(None), EndpointHealth.state != BreakerState.CLOSED)
    return db.session.scalars(
        select(EndpointHealth).where(failing), execution_options={"populate_existing": True}
    ).all()


def lock(recipients: Collection[Recipient]) -> Sequence[EndpointHealth]:
    """Lock and return the rows, creating missing ones; a fixed order keeps two workers from a deadlock."""
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    rows = [
        {"kind": kind, "recipient_id": key, "state": "closed", "trips": 0, **_NOTHING}
        for kind, key in recipients
    ]
    db.session.execute(insert(EndpointHealth).values(rows).on_conflict_do_nothing())
    wanted = select(EndpointHealth).where(is_health_among(recipients))
    return db.session.scalars(
        wanted.order_by(EndpointHealth.kind, EndpointHealth.recipient_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()


def take_trial(
    known: EndpointHealth,
    holder: str,
    *,
    now: datetime,
    until: datetime,
    new_urls: Mapping[Recipient, str | None],
) -> bool:
    """Take the next trial of an endpoint, if no other worker has; the row count decides.

    `new_urls` has the recipients whose address has changed; they may be tried before the wait is over.
    """
    values: dict[str, object] = {
        "state": BreakerState.RECOVERING.value,
        "holder": holder,
        "open_until": until,
    }
    free = EndpointHealth.open_until <= now
    if known.recipient in new_urls:
        free = EndpointHealth.url == known.url
        values["url"] = new_urls[known.recipient]
    trial = update(EndpointHealth).where(
        is_health_of(known.recipient), EndpointHealth.state != BreakerState.CLOSED, free
    )
    return change(trial.values(values)) == 1


def has_due(recipient: Recipient, now: datetime) -> bool:
    """Return whether a delivery to this recipient is due."""
    waits = exists().where(is_to(recipient), due_condition(now))
    return bool(db.session.scalar(select(waits)))
