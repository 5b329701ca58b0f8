"""The present state as readings of the gauges, from a few cheap statements."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, select

from provider.audit import anchoring
from provider.clients.models import Client
from provider.delivery.models import (
    REFUSALS,
    REFUSED_TWICE,
    REFUSING,
    UNACCEPTED,
    BreakerState,
    Delivery,
    DeliveryState,
    EndpointHealth,
)
from provider.infrastructure import clock, event_log, metrics
from provider.infrastructure.database import db, reading
from provider.infrastructure.database_errors import AWAY
from provider.infrastructure.leases import DutyLease
from provider.infrastructure.metrics import Sample
from provider.inspection.overdue import overdue

SWEEP = "sweep"
_BREAKER_READINGS = {BreakerState.CLOSED: 0, BreakerState.RECOVERING: 1, BreakerState.OPEN: 2}
_UNACCEPTED = (DeliveryState.EXPIRED, DeliveryState.CANCELLED, DeliveryState.SUPERSEDED)


def measure() -> list[Sample]:
    """Read every gauge; if the database does not answer, return only the gauge that shows it."""
    now = clock.now()
    try:
        with reading():
            readings = [
                *_oldest_due(now),
                *_deliveries(),
                *_endpoints(now),
                *_duties(now),
                *_overdue(now),
                *_anchors(now),
                metrics.CLOCK_OFFSET.reads(clock.offset().total_seconds()),
            ]
    except AWAY as exc:
        event_log.warning("gauges_not_measured", kind=type(exc).__name__)
        db.session.rollback()
        return [metrics.DATABASE_UP.reads(0)]
    return [metrics.DATABASE_UP.reads(1), *readings]


def is_in(state: DeliveryState) -> ColumnElement[bool]:
    """Return whether a delivery is in a state, as a literal: a parameter would hide the partial indexes."""
    return Delivery.state == bindparam(None, state.value, literal_execute=True)


def is_held(now: datetime) -> ColumnElement[bool]:
    """Return whether the breaker of its endpoint holds a delivery (DLV-14)."""
    shut = or_(
        and_(EndpointHealth.state == BreakerState.OPEN, EndpointHealth.open_until > now),
        EndpointHealth.state == BreakerState.RECOVERING,
    )
    return exists().where(
        EndpointHealth.kind == Delivery.kind, EndpointHealth.recipient_id == Delivery.recipient_id, shut
    )


def oldest_due(now: datetime) -> datetime | None:
    """Return since when the oldest unleased delivery has been due. Served by ix_delivery_pending."""
    free = or_(Delivery.leased_until.is_(None), Delivery.leased_until < now)
    due = and_(is_in(DeliveryState.PENDING), Delivery.next_attempt_at <= now, free, ~is_held(now))
    return db.session.scalar(select(func.min(Delivery.next_attempt_at)).where(due))


def count_deliveries() -> dict[str, int]:
    """Count the deliveries that were not accepted, by state; `refusing` is not included in `pending`.

    Served by ix_delivery_pending, _refusing and _given_up. Accepted deliveries are not counted, as there may
    be millions.
    """
    is_refusal = Delivery.last_outcome.in_(sorted(REFUSALS))
    refused = select(func.count()).select_from(Delivery).where(REFUSED_TWICE, is_refusal)
    pending = select(func.count()).select_from(Delivery).where(is_in(DeliveryState.PENDING))
    both = select(pending.scalar_subquery(), refused.scalar_subquery())
    waiting, refusing = db.session.execute(both).one()
    unaccepted = select(Delivery.state, func.count()).where(UNACCEPTED).group_by(Delivery.state)
    counted = {row[0]: row[1] for row in db.session.execute(unaccepted)}
    given_up = {state.value: counted.get(state.value, 0) for state in _UNACCEPTED}
    return {DeliveryState.PENDING.value: waiting - refusing, REFUSING: refusing} | given_up


def _oldest_due(now: datetime) -> Iterator[Sample]:
    yield metrics.OLDEST_DUE.reads(_seconds_since(oldest_due(now), now))


def _deliveries() -> Iterator[Sample]:
    for state, count in count_deliveries().items():
        yield metrics.DELIVERIES.reads(count, state)


def _endpoints(now: datetime) -> Iterator[Sample]:
    """Yield the readings of each endpoint that has ever failed."""
    rows = select(Client.client_id, EndpointHealth)
    # Recipients of other kinds may not be clients.
    known = rows.outerjoin(Client, Client.id == EndpointHealth.recipient_id)
    for client_id, health in db.session.execute(
        known.where(Client.deleted_at.is_(None)).order_by(Client.client_id),
        execution_options={"populate_existing": True},
    ):
        labels = (health.kind, client_id or str(health.recipient_id))
        yield metrics.BREAKERS.reads(_BREAKER_READINGS[BreakerState(health.state)], *labels)
        yield metrics.FAILING.reads(_seconds_since(health.failing_since, now), *labels)
        yield metrics.REFUSING.reads(int(health.is_refusing), *labels)


def _duties(now: datetime) -> Iterator[Sample]:
    for name, done_at in db.session.execute(select(DutyLease.name, DutyLease.last_done_at)):
        if done_at is None:
            continue
        age = _seconds_since(done_at, now)
        yield metrics.SWEEPER_HEARTBEAT.reads(age) if name == SWEEP else metrics.DUTY_AGE.reads(age, name)


def _overdue(now: datetime) -> Iterator[Sample]:
    for table, age in overdue(now).items():
        yield metrics.PRUNING_OVERDUE.reads(age.total_seconds(), table)


def _anchors(now: datetime) -> Iterator[Sample]:
    for one in anchoring.states():
        yield metrics.ANCHOR_AGE.reads(_seconds_since(one.anchored_at or one.since, now), one.target.name)
        yield metrics.ANCHOR_FAILING.reads(int(one.is_failing), one.target.name)


def _seconds_since(instant: datetime | None, now: datetime) -> float:
    return 0.0 if instant is None else max(0.0, (now - instant).total_seconds())
