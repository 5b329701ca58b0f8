"""Endpoints that have failed for so long that operators have to know (DLV-15)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select

from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.delivery.queries import is_pending
from provider.infrastructure import clock
from provider.infrastructure.database import db

REMIND_EVERY = timedelta(days=1)
# One attempt that failed and is still to be repeated says little about an endpoint.
_LEAST_FAILURES = 3


def take_to_report(now: datetime, after: timedelta) -> list[EndpointHealth]:
    """Return the endpoints that are to be reported now, and note in their rows that they have been."""
    unreported = or_(EndpointHealth.told_at.is_(None), EndpointHealth.told_at <= now - REMIND_EVERY)
    degraded = (
        select(EndpointHealth)
        .where(EndpointHealth.failing_since <= now - after, unreported)
        .where(EndpointHealth.consecutive_failures >= _LEAST_FAILURES)
        .order_by(EndpointHealth.client_id)
        .with_for_update(skip_locked=True)
    )
    rows = list(db.session.scalars(degraded))
    for row in rows:
        row.degraded_since = row.degraded_since or now
        row.told_at = now
    return rows


def list_failing() -> list[EndpointHealth]:
    """List the endpoints that fail or are being tried, the longest failing first."""
    failing = or_(EndpointHealth.failing_since.is_not(None), EndpointHealth.state != BreakerState.CLOSED)
    return list(
        db.session.scalars(select(EndpointHealth).where(failing).order_by(EndpointHealth.failing_since))
    )


def find_failing(client_id: UUID) -> EndpointHealth | None:
    """Find how a client's endpoint is doing, if nothing was accepted there since it failed."""
    health = db.session.get(EndpointHealth, client_id, populate_existing=True)
    return health if health is not None and health.is_failing else None


def list_held_until(client_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return until when the breakers of these clients' endpoints hold what waits for them."""
    held = select(EndpointHealth.client_id, EndpointHealth.open_until).where(
        EndpointHealth.client_id.in_(client_ids),
        EndpointHealth.state != BreakerState.CLOSED,
        EndpointHealth.open_until > clock.now(),
    )
    return {row.client_id: row.open_until for row in db.session.execute(held)}


def is_degraded_since(client_id: UUID, url: str, instant: datetime) -> bool:
    """Whether this endpoint has been degraded since an instant, while something waits for it.

    Only what waits will ever show that it works again. Served by the primary key and by
    ix_delivery_client_id_pending.
    """
    waits = exists().where(Delivery.client_id == client_id, is_pending())
    degraded = exists().where(
        EndpointHealth.client_id == client_id,
        # A failure at another address says nothing about this one.
        EndpointHealth.url == url,
        EndpointHealth.degraded_since <= instant,
        waits,
    )
    return bool(db.session.scalar(select(degraded)))


def count_waiting(client_id: UUID) -> int:
    """Count what is owed to a client. Served by ix_delivery_client_id_pending."""
    waiting = select(func.count()).where(Delivery.client_id == client_id, is_pending())
    return db.session.scalar(waiting) or 0
