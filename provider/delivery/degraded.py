"""Endpoints that have failed for so long that operators have to know (DLV-15)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from provider.delivery.models import BreakerState, EndpointHealth
from provider.delivery.queries import is_health_among, is_health_of, is_pending, is_to
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock
from provider.infrastructure.database import db

REMIND_EVERY = timedelta(days=1)
# A single failed attempt that will be repeated says little about an endpoint.
_LEAST_FAILURES = 3


def take_to_report(kind: str, now: datetime, after: timedelta) -> list[EndpointHealth]:
    """Return the endpoints of this kind that are to be reported now, and mark them as reported."""
    unreported = or_(EndpointHealth.told_at.is_(None), EndpointHealth.told_at <= now - REMIND_EVERY)
    degraded = (
        select(EndpointHealth)
        .where(EndpointHealth.kind == kind, EndpointHealth.failing_since <= now - after, unreported)
        .where(EndpointHealth.consecutive_failures >= _LEAST_FAILURES)
        .order_by(EndpointHealth.recipient_id)
        .with_for_update(skip_locked=True)
    )
    rows = list(db.session.scalars(degraded))
    for row in rows:
        row.degraded_since = row.degraded_since or now
        row.told_at = now
    return rows


class Place(NamedTuple):
    """A position in the list of failing endpoints: right after the endpoint with these values."""

    failing_since: datetime | None
    recipient_id: UUID

    @classmethod
    def of(cls, row: EndpointHealth) -> "Place":
        """Return the position after a row."""
        return cls(row.failing_since, row.recipient_id)


def list_failing(
    kind: str | None = None, *, after: Place | None = None, limit: int | None = None
) -> list[EndpointHealth]:
    """List the endpoints that fail or are being tried, longest failing first; of one kind, or all.

    Endpoints whose failures are forgotten, but whose breaker has not closed, come last. `after` is a position
    among the endpoints of one kind.
    """
    failing = select(EndpointHealth).where(
        or_(EndpointHealth.failing_since.is_not(None), EndpointHealth.state != BreakerState.CLOSED)
    )
    if kind is not None:
        failing = failing.where(EndpointHealth.kind == kind)
    if after is not None:
        failing = failing.where(_follows(after))
    since = EndpointHealth.failing_since
    ordered = failing.order_by(since.is_(None), since, EndpointHealth.recipient_id, EndpointHealth.kind)
    return list(db.session.scalars(ordered.limit(limit)))


def _follows(place: Place) -> ColumnElement[bool]:
    since, beyond = EndpointHealth.failing_since, EndpointHealth.recipient_id > place.recipient_id
    if place.failing_since is None:
        return and_(since.is_(None), beyond)
    return or_(since.is_(None), since > place.failing_since, and_(since == place.failing_since, beyond))


def find_failing(recipient: Recipient) -> EndpointHealth | None:
    """Return the health of a recipient's endpoint if it has accepted nothing since it failed, else None."""
    health = db.session.get(EndpointHealth, recipient, populate_existing=True)
    return health if health is not None and health.is_failing else None


def list_held_until(recipients: Collection[Recipient]) -> dict[Recipient, datetime]:
    """Return until when breakers hold back deliveries, for those of these recipients that are held."""
    held = select(EndpointHealth.kind, EndpointHealth.recipient_id, EndpointHealth.open_until).where(
        is_health_among(recipients),
        EndpointHealth.state != BreakerState.CLOSED,
        EndpointHealth.open_until > clock.now(),
    )
    return {Recipient(row.kind, row.recipient_id): row.open_until for row in db.session.execute(held)}


def is_degraded_since(recipient: Recipient, url: str, instant: datetime) -> bool:
    """Return whether this endpoint has been degraded since an instant and a delivery waits for it.

    Without a waiting delivery, nothing could show that it works again. Served by the primary key and by
    ix_delivery_recipient_pending.
    """
    waits = exists().where(is_to(recipient), is_pending())
    degraded = exists().where(
        is_health_of(recipient),
        # A failure at another address says nothing about this one.
        EndpointHealth.url == url,
        EndpointHealth.degraded_since <= instant,
        waits,
    )
    return bool(db.session.scalar(select(degraded)))


def count_waiting(recipient: Recipient) -> int:
    """Count what is owed to a recipient. Served by ix_delivery_recipient_pending."""
    waiting = select(func.count()).where(is_to(recipient), is_pending())
    return db.session.scalar(waiting) or 0
