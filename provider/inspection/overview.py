"""The state of the provider at a glance: what is live, how fast apps were notified, and which refuse.

Every number comes from a bounded read: a count stops at a limit, and latencies are those of the newest
notifications, so that the page costs the same however much data there is.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, TextualSelect, func, literal_column, select, text

from provider.clients.models import Client
from provider.delivery import degraded
from provider.delivery.models import Delivery, DeliveryState, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, is_sqlite
from provider.infrastructure.opaque_tokens import first_id_at
from provider.inspection.hours import HOUR, HOURS_SHOWN, Hour, count_hours
from provider.inspection.standing import count_deliveries, oldest_due
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.sessions.models import Session

MOST_COUNTED = 10_000
# The number of newest deliveries from which latencies are computed.
_MOST_MEASURED = 2000
_ONE: ColumnElement[int] = literal_column("1")
_ENTRIES: TextualSelect = text(
    "SELECT reltuples::bigint AS entries FROM pg_class WHERE relname = 'ix_session_ends_at_living'"
).columns(entries=BigInteger)


@dataclass(frozen=True, slots=True)
class Count:
    """A number: counted, an estimate if it is large, or a lower bound."""

    number: int
    is_estimate: bool = False
    is_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """The latency of the newest accepted notifications, from the logout to the app's response."""

    seconds: tuple[float, ...] = ()

    def percentile(self, share: float) -> float | None:
        """Return the seconds within which this share of the notifications was accepted (nearest rank)."""
        if not self.seconds:
            return None
        rank = max(1, -(-int(share * 100) * len(self.seconds) // 100))
        return self.seconds[rank - 1]

    def within(self, low: float, high: float | None) -> int:
        """Count the notifications that took at least `low` seconds and less than `high`."""
        return sum(low <= one and (high is None or one < high) for one in self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """An app whose endpoint fails, its health, and the number of deliveries waiting for it."""

    client: Client
    health: EndpointHealth
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the first page of the console shows."""

    at: datetime
    live_sessions: Count
    deliveries: dict[str, int]
    oldest_due: datetime | None
    latencies: Latencies
    failing: tuple[Failing, ...]
    hours: tuple[Hour, ...]


def look() -> Overview:
    """Read the overview, with a dozen statements."""
    now = clock.now()
    return Overview(
        at=now,
        live_sessions=count_live_sessions(now),
        deliveries=count_deliveries(),
        oldest_due=oldest_due(now),
        latencies=_latencies(now),
        failing=_failing(),
        hours=count_hours(now),
    )


def count_live_sessions(now: datetime) -> Count:
    """Count the sessions that have not ended; for large numbers, return PostgreSQL's own estimate.

    Served by ix_session_ends_at_living, which has an entry for each of them.
    """
    living = select(_ONE).select_from(Session).where(Session.ended_at.is_(None), Session.ends_at > now)
    found = db.session.scalar(select(func.count()).select_from(living.limit(MOST_COUNTED + 1).subquery()))
    if (found or 0) <= MOST_COUNTED:
        return Count(found or 0)
    if is_sqlite():
        return Count(MOST_COUNTED, is_least=True)
    return Count(max(MOST_COUNTED, db.session.scalar(_ENTRIES) or 0), is_estimate=True)


def _latencies(now: datetime) -> Latencies:
    newest = (
        select(Delivery.state, Delivery.created_at, Delivery.finished_at)
        .where(Delivery.id >= first_id_at(now - HOURS_SHOWN * HOUR))
        .order_by(Delivery.id.desc())
        .limit(_MOST_MEASURED)
    )
    took = [
        (row.finished_at - row.created_at).total_seconds()
        for row in db.session.execute(newest)
        if row.state == DeliveryState.ACCEPTED and row.finished_at is not None
    ]
    return Latencies(seconds=tuple(sorted(max(0.0, one) for one in took)))


def _failing() -> tuple[Failing, ...]:
    found = degraded.list_failing(BACKCHANNEL_LOGOUT)
    clients = {one.recipient_id: db.session.get(Client, one.recipient_id) for one in found}
    return tuple(
        Failing(client=client, health=one, waiting=degraded.count_waiting(one.recipient))
        for one in found
        if (client := clients[one.recipient_id]) is not None and client.deleted_at is None
    )
