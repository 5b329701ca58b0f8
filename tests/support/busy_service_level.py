"""The judged notifications of a busy day: counts of each window, and what was missed."""

from collections.abc import Mapping

from sqlalchemy import select

from provider.clients.models import Client
from provider.delivery.models import Delivery
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.logout.notification.punctuality import (
    ALL,
    MINUTE,
    Grain,
    JudgedMinute,
    MissedNotification,
    NotificationCount,
    Punctuality,
)

# In time, over the last hour, day and month.
_IN_TIME = {
    Grain.MINUTE: {"red": 214, "green": 131, "blue": 12},
    Grain.HOUR: {"red": 2_918, "green": 1_377, "blue": 431},
    Grain.DAY: {"red": 81_204, "green": 39_642, "blue": 12_870},
}


def make(apps: Mapping[str, Client]) -> None:
    """Let the provider have been late twice, and blue not have been reachable."""
    owed = {name: _owed_to(client) for name, client in apps.items()}
    missed = {
        "red": {Punctuality.LATE: owed["red"][:2]},
        "blue": {Punctuality.UNREACHABLE: [one for one in owed["blue"] if one.state != "accepted"]},
    }
    now = clock.now()
    with transaction():
        for grain, in_time in _IN_TIME.items():
            for name, count in in_time.items():
                numbers = {why.value: len(found) for why, found in missed.get(name, {}).items()}
                _count(grain, apps[name], in_time=count, **numbers)
            late, unreachable = 2, len(missed["blue"][Punctuality.UNREACHABLE])
            _count(grain, None, in_time=sum(in_time.values()), late=late, unreachable=unreachable)
        for found in missed.values():
            for why, deliveries in found.items():
                for one in deliveries:
                    row = MissedNotification(delivery_id=one.id, client_id=one.recipient_id, why=why.value)
                    db.session.add(row)
        db.session.add(JudgedMinute(begin=Grain.MINUTE.begin(now) - 2 * MINUTE))


def _owed_to(client: Client) -> list[Delivery]:
    owed = select(Delivery).where(Delivery.recipient_id == client.id)
    return list(db.session.scalars(owed.order_by(Delivery.id)))


def _count(grain: Grain, client: Client | None, *, in_time: int, late: int = 0, unreachable: int = 0) -> None:
    db.session.add(
        NotificationCount(
            grain=grain,
            begin=grain.begin(clock.now()),
            client_id=client.id if client else ALL,
            in_time=in_time,
            late=late,
            unreachable=unreachable,
        )
    )
