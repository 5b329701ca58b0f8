"""A dispatcher with threads: who waits for whom, and what its closing leaves."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from provider.delivery.dispatch import Dispatcher
from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.database import db
from provider.logout.notification.outbox import make_dispatcher
from tests.delivery.owing import now_is, owe, sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client
from tests.support.waiting import wait_until


@pytest.fixture
def dispatcher(app: Flask) -> Iterator[Dispatcher]:
    """A dispatcher at work, as a worker has one."""
    dispatcher = make_dispatcher(8)
    dispatcher.start()
    yield dispatcher
    dispatcher.close()


def test_no_database_connection_is_held_while_a_receiver_thinks(app: Flask, dispatcher: Dispatcher) -> None:
    with receiving(200) as red:
        red.may_answer.clear()
        delivery = owe(port=red.port)
        dispatcher.wake()
        wait_until(lambda: red.received)
        db.session.remove()

        wait_until(lambda: db.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]

        red.may_answer.set()
        wait_until(lambda: now_is(delivery).state == DeliveryState.ACCEPTED)


def test_a_slow_receiver_does_not_hold_up_the_others(app: Flask, dispatcher: Dispatcher) -> None:
    with receiving(200) as slow, receiving(200) as quick:
        slow.may_answer.clear()
        sign_out_at(make_client("red", port=slow.port), make_client("green", port=quick.port))

        dispatcher.wake()

        wait_until(lambda: quick.received)
        slow.may_answer.set()


def test_no_more_is_claimed_than_there_are_threads(app: Flask) -> None:
    dispatcher = make_dispatcher(2)
    with receiving(200) as red, receiving(200) as green, receiving(200) as blue:
        apps = (red, green, blue)
        for one in apps:
            one.may_answer.clear()
        clients = [
            make_client(name, port=at.port) for name, at in zip(("red", "green", "blue"), apps, strict=True)
        ]
        owed = sign_out_at(*clients)
        dispatcher.start()
        # Nothing is known of any of them, so half of the threads is theirs.
        wait_until(lambda: sum(len(one.received) for one in apps) == 1)

        leased = select(Delivery.id).where(Delivery.leased_until.is_not(None))
        assert len(db.session.scalars(leased).all()) == 1
        db.session.commit()

        for one in apps:
            one.may_answer.set()
        wait_until(lambda: {now_is(delivery).state for delivery in owed} == {DeliveryState.ACCEPTED})
        dispatcher.close()
    assert [len(one.received) for one in apps] == [1, 1, 1]


def test_closing_waits_for_what_runs_and_starts_nothing(app: Flask) -> None:
    dispatcher = make_dispatcher(2)
    with receiving(200) as red:
        red.may_answer.clear()
        first, second = sign_out_at(make_client("red", port=red.port), count=2)
        dispatcher.start()
        wait_until(lambda: red.received)
        closing = threading.Thread(target=dispatcher.close)
        closing.start()
        red.may_answer.set()
        closing.join()

    assert sorted(now_is(one).state for one in (first, second)) == ["accepted", "pending"]
    assert len(red.received) == 1


def test_what_waits_in_memory_is_given_up_at_the_closing(app: Flask) -> None:
    dispatcher = make_dispatcher(1)
    with receiving(200) as red:
        clients = [make_client(name, port=red.port) for name in ("red", "green", "blue")]
        sign_out_at(*clients)
        # An app that has proved itself gets more permits than there are threads.
        dispatcher.drain()
        red.may_answer.clear()
        owed = sign_out_at(*clients, account=make_account("ben"))
        dispatcher.start()
        dispatcher.wake()
        wait_until(lambda: len(red.received) == 4)
        wait_until(lambda: all(now_is(one).leased_until for one in owed))
        closing = threading.Thread(target=dispatcher.close)
        closing.start()
        wait_until(lambda: dispatcher.is_closing)
        red.may_answer.set()
        closing.join()

    assert len(red.received) == 4
    after = [now_is(one) for one in owed]
    assert sorted((row.state, row.attempt_count) for row in after) == [
        ("accepted", 1),
        ("pending", 0),
        ("pending", 0),
    ]
    assert all(row.leased_until is None for row in after)
