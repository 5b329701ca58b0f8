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
# One attempt that failed and is still to be repeated says little about an endpoint.
_LEAST_FAILURES = 3


def take_to_report(kind: str, now: datetime, after: timedelta) -> list[EndpointHealth]:
    """Return the endpoints of a kind to report now, and note in their rows that they have been."""
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
    """A place in the list of failing endpoints: after the one that fails since then."""

    failing_since: datetime | None
    recipient_id: UUID

    @classmethod
    def of(cls, row: EndpointHealth) -> "Place":
        """Return the place after a row."""
        return cls(row.failing_since, row.recipient_id)


def list_failing(
    kind: str | None = None, *, after: Place | None = None, limit: int | None = None
) -> list[EndpointHealth]:
    """List the endpoints that fail or are being tried, the longest failing first; of one kind, or all.

    Those whose failures are forgotten, but whose breaker has not closed, come last. A place is one among
    those of a kind.
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
    """Find how a recipient's endpoint is doing, if nothing was accepted there since it failed."""
    health = db.session.get(EndpointHealth, recipient, populate_existing=True)
    return health if health is not None and health.is_failing else None


def list_held_until(recipients: Collection[Recipient]) -> dict[Recipient, datetime]:
    """Return until when the breakers of these recipients' endpoints hold what waits for them."""
    held = select(EndpointHealth.kind, EndpointHealth.recipient_id, EndpointHealth.open_until).where(
        is_health_among(recipients),
        EndpointHealth.state != BreakerState.CLOSED,
        EndpointHealth.open_until > clock.now(),
    )
    return {Recipient(row.kind, row.recipient_id): row.open_until for row in db.session.execute(held)}


def is_degraded_since(recipient: Recipient, url: str, instant: datetime) -> bool:
    """Return whether this endpoint has been degraded since an instant, while something waits for it.

    Only what waits will ever show that it works again. Served by the primary key and by
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
