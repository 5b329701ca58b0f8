"""The service level of sign-out: the share of notifications that apps accepted within a minute.

Counts come from `notification_count`, so that a page costs the same however many notifications there were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select

from provider.clients.models import Client
from provider.delivery.models import Delivery
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import first_id_at
from provider.logout.notification.punctuality import (
    ALL,
    MINUTE,
    MISSED,
    Grain,
    JudgedMinute,
    MissedNotification,
    NotificationCount,
    Punctuality,
)

MOST_CLIENTS = 100
# The objective of the sample alerts.
OBJECTIVE = 0.995


class Window(StrEnum):
    """The periods of the report."""

    HOUR = "1h"
    DAY = "24h"
    MONTH = "30d"

    @property
    def grain(self) -> Grain:
        """The granularity of the counts in it."""
        return {Window.HOUR: Grain.MINUTE, Window.DAY: Grain.HOUR, Window.MONTH: Grain.DAY}[self]

    def since(self, now: datetime) -> datetime:
        """Return the beginning of the window, which includes the present minute, hour or day (UTC)."""
        count = {Window.HOUR: 60, Window.DAY: 24, Window.MONTH: 30}[self]
        return self.grain.begin(now) - (count - 1) * self.grain.span


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The counts of one client, or of all together."""

    client_id: UUID | None = None
    in_time: int = 0
    late: int = 0
    unreachable: int = 0

    @property
    def share(self) -> float | None:
        """The fraction accepted in time of the notifications to reachable apps; None without any."""
        reachable = self.in_time + self.late
        return self.in_time / reachable if reachable else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """The counts of a window, in total and by client."""

    window: Window
    since: datetime
    # All notifications owed before this instant have been judged.
    judged_until: datetime | None
    total: Share
    clients: tuple[Share, ...]


def look(window: Window, *, client_pk: UUID | None = None) -> ServiceLevel:
    """Return a window's counts: in total and for the clients with the most misses, or for one client."""
    since = window.since(clock.now())
    wanted = [client_pk] if client_pk else [ALL, *_most_missed(window, since)]
    found = {one.client_id: one for one in _shares(window, since, wanted)}
    total = found.get(client_pk or ALL, Share())
    clients = sorted((one for key, one in found.items() if key != ALL), key=_by_misses)
    last = db.session.scalar(select(func.max(JudgedMinute.begin)))
    return ServiceLevel(
        window=window,
        since=since,
        judged_until=last + MINUTE if last else None,
        total=replace(total, client_id=None),
        clients=tuple(clients),
    )


def _most_missed(window: Window, since: datetime) -> list[UUID]:
    """List the clients with the most misses, then others. Served by ix_notification_count_missed."""
    sums = (func.sum(NotificationCount.late).desc(), func.sum(NotificationCount.unreachable).desc())
    missed = (
        select(NotificationCount.client_id)
        .where(NotificationCount.grain == window.grain.value, NotificationCount.begin >= since, MISSED)
        .where(NotificationCount.client_id != ALL)
        .group_by(NotificationCount.client_id)
        .order_by(*sums, NotificationCount.client_id)
    )
    found = list(db.session.scalars(missed.limit(MOST_CLIENTS)))
    if len(found) < MOST_CLIENTS:
        others = select(Client.id).where(Client.id.not_in(found)).order_by(Client.id)
        found += db.session.scalars(others.limit(MOST_CLIENTS - len(found)))
    return found


def _shares(window: Window, since: datetime, client_pks: Sequence[UUID]) -> Iterator[Share]:
    """Yield the sums of the clients that have counts. Served by ix_notification_count_client_id."""
    sums = [func.sum(getattr(NotificationCount, one.value)) for one in Punctuality]
    counted = (
        select(NotificationCount.client_id, *sums)
        .where(NotificationCount.client_id.in_(client_pks))
        .where(NotificationCount.grain == window.grain.value, NotificationCount.begin >= since)
        .group_by(NotificationCount.client_id)
    )
    for client_id, in_time, late, unreachable in db.session.execute(counted):
        yield Share(client_id=client_id, in_time=in_time, late=late, unreachable=unreachable)


def _by_misses(one: Share) -> tuple[int, int, str]:
    return -one.late, -one.unreachable, str(one.client_id)


def list_missed(
    why: Punctuality,
    *,
    since: datetime,
    client_pk: UUID | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """List the notifications behind a number, newest first; `before` is the last of the previous page.

    Served by ix_missed_notification_why, of one client by ix_missed_notification_client_id_why.
    """
    missed = MissedNotification
    found = select(Delivery).join(missed, missed.delivery_id == Delivery.id)
    found = found.where(missed.why == why.value, missed.delivery_id >= first_id_at(since))
    if client_pk is not None:
        found = found.where(missed.client_id == client_pk)
    if before is not None:
        found = found.where(missed.delivery_id < before)
    return list(db.session.scalars(found.order_by(missed.delivery_id.desc()).limit(limit)))
