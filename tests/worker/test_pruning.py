"""Expired rows are forgotten, oldest first, and nothing sooner."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text

from benchmarks.parked import Day
from provider.clients.models import UsedAssertion
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_handle
from provider.logout.notification.outbox import drain
from provider.tokens.models import UsedProof
from provider.worker.duties import Duty, Roster
from provider.worker.pruning import prune, prune_expired
from tests.conftest import TurnedClock
from tests.delivery.owing import owe
from tests.delivery.receivers import receiving
from tests.factories import make_client

pytestmark = pytest.mark.lengthy


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


def test_a_batch_takes_the_oldest(app: Flask) -> None:
    use_up([timedelta(hours=hours) for hours in (1, 2, 3)])

    with transaction():
        assert prune_expired(UsedAssertion, clock.now(), limit=2) == 2

    [left] = db.session.scalars(select(UsedAssertion.expires_at))
    assert left > clock.now() - timedelta(hours=1, minutes=1)


def overdue(count_: int) -> list[dict[str, object]]:
    """Rows of as many proofs that should have been deleted long ago."""
    expired, apart = clock.now() - timedelta(days=1), timedelta(milliseconds=1)
    return [{"digest": new_handle(), "expires_at": expired + n * apart} for n in range(count_)]


def test_pruning_goes_on_until_nothing_is_left(app: Flask) -> None:
    """It stopped after 10,000 rows an hour, so that what 2.8 requests a second write grew for ever."""
    with transaction():
        db.session.execute(insert(UsedProof), overdue(12_000))

    # The machine's load must not decide.
    assert not prune(time_limit=timedelta(minutes=1))

    assert count(UsedProof) == 0


def test_pruning_stops_after_its_time_limit_and_goes_on_at_once(app: Flask) -> None:
    """A worker's other duties, and its stop, do not wait for a table that is flooded."""
    with transaction():
        db.session.execute(insert(UsedProof), overdue(25))
    others: list[int] = []
    prune_a_little = partial(prune, batch=10, time_limit=timedelta(0))
    roster = Roster("worker", (Duty("prune", timedelta(minutes=1), prune_a_little), *counting(others)))

    for left in (15, 5, 0, 0):
        roster.do_due(threading.Event())
        assert count(UsedProof) == left
    # Once in this period, however often the unfinished one was done.
    assert others == [1]


def counting(done: list[int]) -> tuple[Duty]:
    return (Duty("other", timedelta(minutes=1), lambda: done.append(1)),)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_table_that_cannot_be_pruned_keeps_no_other_from_it(app: Flask) -> None:
    use_up([timedelta(hours=1)])
    with transaction():
        db.session.execute(insert(UsedProof), overdue(1))
        broken = "CREATE TRIGGER broken BEFORE DELETE ON used_assertion BEGIN SELECT RAISE(ABORT, 'no'); END"
        db.session.execute(text(broken))

    try:
        assert not prune()
    finally:
        with transaction():
            db.session.execute(text("DROP TRIGGER broken"))

    assert (count(UsedAssertion), count(UsedProof)) == (1, 0)


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


def test_the_table_of_parked_requests_stays_flat(app: Flask, turned_clock: TurnedClock) -> None:
    """Scaled to 4 a second; `benchmarks.parked` plays a day of 100. It grew for ever from 2.8 on."""
    per_second, step = 4, timedelta(minutes=10)
    day = Day(per_second, clock.now(), step=step)
    clock.use(lambda: day.instant)
    kept = timedelta(minutes=30) + timedelta(hours=2)

    *_, flat, later = day.pass_(timedelta(hours=3, minutes=30), every=timedelta(minutes=20))

    assert flat.rows <= per_second * (kept + step).total_seconds()
    assert later.rows == flat.rows
    assert later.overdue == timedelta(0)
