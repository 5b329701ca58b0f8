"""What is over is forgotten, the oldest first, and nothing sooner."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from provider.clients.models import UsedAssertion
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_handle
from provider.logout.deliver import drain
from provider.worker import pruning
from provider.worker.pruning import prune, prune_expired
from tests.conftest import TurnedClock
from tests.delivery.owing import owe
from tests.delivery.receivers import receiving
from tests.factories import make_client


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def use_up(ages: list[timedelta]) -> None:
    """Assertions that expired so long ago."""
    red = make_client("red")
    with transaction():
        for age in ages:
            db.session.add(
                UsedAssertion(client_id=red.id, jti_digest=new_handle(), expires_at=clock.now() - age)
            )


def test_only_what_expired_is_deleted(app: Flask) -> None:
    use_up([timedelta(hours=1), timedelta(minutes=11), timedelta(minutes=1), timedelta(hours=-1)])

    prune()

    assert count(UsedAssertion) == 2


def test_a_batch_takes_the_oldest(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    use_up([timedelta(hours=hours) for hours in (1, 2, 3)])

    with transaction():
        assert prune_expired(UsedAssertion, clock.now()) == 2

    [left] = db.session.scalars(select(UsedAssertion.expires_at))
    assert left > clock.now() - timedelta(hours=1, minutes=1)


def test_finished_deliveries_are_kept_for_their_retention(app: Flask, turned_clock: TurnedClock) -> None:
    with receiving(200) as red:
        owe(port=red.port)
        drain()
    turned_clock.turn(timedelta(days=89))
    prune()
    assert (count(Delivery), count(DeliveryAttempt)) == (1, 1)

    turned_clock.turn(timedelta(days=2))
    prune()
    assert (count(Delivery), count(DeliveryAttempt)) == (0, 0)


def test_a_delivery_that_is_still_owed_is_never_forgotten(app: Flask, turned_clock: TurnedClock) -> None:
    owe()

    turned_clock.turn(timedelta(days=1000))
    prune()

    assert count(Delivery) == 1
