"""A worker killed with -9 at any point loses nothing (FLT-05 to FLT-08, FLT-10, FLT-11)."""

import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from flask import Flask
from sqlalchemy import select

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.database import db, is_sqlite, transaction
from tests.delivery.owing import attempts_of, now_is, owe, sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client
from tests.faults.conftest import Worker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes
StartWorker = Callable[..., Worker]


@contextmanager
def full_server() -> Iterator[int]:
    """A port at which connections are neither accepted nor refused: clients wait."""
    guests: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port: int = listener.getsockname()[1]
        for _ in range(4):
            guest = socket.socket()
            guest.setblocking(False)
            guest.connect_ex(("127.0.0.1", port))
            guests.append(guest)
        yield port
        for guest in guests:
            guest.close()


def freeze(worker: Worker) -> None:
    """Stop a process while it does not hold SQLite's one write lock, which could not be taken from it."""

    def is_frozen_without_lock() -> bool:
        worker.process.send_signal(signal.SIGSTOP)
        if is_writable():
            return True
        worker.process.send_signal(signal.SIGCONT)
        return False

    wait_until(is_frozen_without_lock)


def is_writable() -> bool:
    if not is_sqlite():
        return True
    with closing(sqlite3.connect(str(db.engine.url.database), timeout=0.3)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


def is_accepted(delivery: Delivery) -> bool:
    return now_is(delivery).state == DeliveryState.ACCEPTED


def test_killed_before_the_post(app: Flask, start_worker: StartWorker) -> None:
    with full_server() as port:
        delivery = owe(port=port)
        doomed = start_worker()
        wait_until(lambda: now_is(delivery).leased_until)
        doomed.kill()

    with receiving(200, port=port) as red:
        start_worker()
        wait_until(lambda: is_accepted(delivery))

    assert len(red.received) == 1


def test_killed_after_the_post_before_the_response(app: Flask, start_worker: StartWorker) -> None:
    with receiving(200) as red:
        red.may_answer.clear()
        delivery = owe(port=red.port)
        doomed = start_worker()
        wait_until(lambda: red.received)
        doomed.kill()
        red.may_answer.set()

        start_worker()
        wait_until(lambda: is_accepted(delivery))

    first, second = red.received
    assert first.delivery == second.delivery == str(delivery.id)
    assert (first.attempt, second.attempt) == ("1", "2")
    assert first.token != second.token
    assert [attempt.outcome for attempt in attempts_of(delivery)] == [None, "accepted"]


def test_killed_after_the_response_before_it_was_written_down(app: Flask, start_worker: StartWorker) -> None:
    with receiving(200) as red:
        red.may_answer.clear()
        delivery = owe(port=red.port)
        doomed = start_worker()
        wait_until(lambda: red.received)
        with transaction():
            # A worker that writes about this delivery now has to wait for us, and dies waiting.
            db.session.scalars(select(Delivery).with_for_update()).all()
            red.may_answer.set()
            wait_until(lambda: red.answered == 1)
            doomed.kill()

        start_worker()
        wait_until(lambda: is_accepted(delivery))

    assert len(red.received) == 2
    assert {received.delivery for received in red.received} == {str(delivery.id)}


def test_a_worker_that_slept_through_its_lease_changes_nothing(app: Flask, start_worker: StartWorker) -> None:
    with receiving(200) as red:
        red.may_answer.clear()
        delivery = owe(port=red.port)
        zombie = start_worker()
        wait_until(lambda: red.received)
        freeze(zombie)
        red.may_answer.set()

        living = start_worker()
        wait_until(lambda: is_accepted(delivery))
        before = now_is(delivery).finished_at
        zombie.process.send_signal(signal.SIGCONT)
        wait_until(lambda: zombie.events("delivery_lease_lost"))

    assert now_is(delivery).finished_at == before
    assert len(wait_until(lambda: living.events("delivery_attempted"))) == 1
    assert zombie.events("delivery_attempted") == []


def test_a_rolling_restart_finishes_what_runs_and_leaves_the_rest(
    app: Flask, start_worker: StartWorker
) -> None:
    with receiving(200) as red:
        red.may_answer.clear()
        delivery = owe(port=red.port)
        leaving = start_worker()
        wait_until(lambda: red.received)
        leaving.process.terminate()
        red.may_answer.set()

        assert leaving.terminate() == 0

    assert is_accepted(delivery)
    assert len(red.received) == 1


def test_two_workers_send_nothing_twice(app: Flask, start_worker: StartWorker) -> None:
    with receiving(200) as red, receiving(200) as green:
        clients = [make_client("red", port=red.port), make_client("green", port=green.port)]
        start_worker()
        start_worker()
        owed = sign_out_at(*clients, account=make_account("ada"), count=20)

        wait_until(lambda: all(is_accepted(delivery) for delivery in owed))

    sent = [received.delivery for receiver in (red, green) for received in receiver.received]
    assert sorted(sent) == sorted(str(delivery.id) for delivery in owed)
