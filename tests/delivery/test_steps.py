"""When a dispatcher looks for due deliveries and for expired ones, and what a failure of one step costs."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from provider.delivery import dispatch, expiry
from provider.delivery.dispatch import Dispatcher
from provider.delivery.models import DeliveryState
from provider.delivery.next_look import LONGEST_PAUSE, NEVER, NextLook
from provider.delivery.wake_up import WakeUp
from provider.infrastructure import clock
from provider.logout.notification.outbox import make_dispatcher
from tests.conftest import TurnedClock
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.receivers import receiving
from tests.delivery.rows import put
from tests.factories import make_client
from tests.support.losing_database import database_lost_once
from tests.support.waiting import wait_until

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


@pytest.fixture
def dispatcher(app: Flask) -> Iterator[Dispatcher]:
    dispatcher = make_dispatcher(1)
    yield dispatcher
    dispatcher.close()


def test_a_look_is_a_sweep_at_first_and_when_one_was_asked_for() -> None:
    wake_up = WakeUp()
    assert wake_up.begin_look()

    wake_up.wake()
    assert wake_up.is_look_asked
    assert not wake_up.begin_look()
    assert not wake_up.is_look_asked

    wake_up.wake(sweep=True)
    wake_up.wake()
    assert wake_up.begin_look()
    assert not wake_up.begin_look()


def test_a_wait_ends_in_time_without_an_event() -> None:
    wake_up = WakeUp()
    wake_up.wait(0.0)
    wake_up.notify()

    # At once, and the event is used up.
    wake_up.wait(60.0)
    wake_up.wait(0.0)

    assert not wake_up.is_look_asked


def test_a_dispatcher_looks_when_it_is_woken_or_when_it_is_time(dispatcher: Dispatcher) -> None:
    assert dispatcher._is_time_to_look()
    dispatcher._next_look = NextLook(at=NEVER)
    assert not dispatcher._is_time_to_look()

    dispatcher.wake()
    assert dispatcher._is_time_to_look()
    assert dispatcher._wake_up.begin_look()
    dispatcher.wake()
    assert not dispatcher._wake_up.begin_look()
    dispatcher.wake(sweep=True)
    assert dispatcher._wake_up.begin_look()

    dispatcher.wake()
    dispatcher._wake_up.close()
    assert not dispatcher._is_time_to_look()


def test_all_that_has_lost_its_meaning_is_ended_in_one_drain(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_BATCH", 1)
    owed = sign_out_at(make_client("red"), count=3)
    for one in owed:
        put(one, next_attempt_at=clock.now() + MINUTE)
    assert dispatcher.drain() == {}
    for one in owed[:2]:
        put(one, expires_at=clock.now())

    # Each drain sweeps, and not the first look of a dispatcher alone.
    assert dispatcher.drain() == {"expired": 2}

    states = [now_is(one).state for one in owed]
    assert states == [DeliveryState.EXPIRED, DeliveryState.EXPIRED, DeliveryState.PENDING]


def test_while_something_is_under_way_each_wait_is_short(dispatcher: Dispatcher) -> None:
    with receiving(200) as red:
        red.may_answer.clear()
        sign_out_at(make_client("red", port=red.port))
        dispatcher._step()
        wait_until(lambda: red.received)
        begun = time.monotonic()

        dispatcher._wait()

        # An attempt that stalls is noticed soon.
        assert time.monotonic() - begun < LONGEST_PAUSE
        red.may_answer.set()
        dispatcher.close()


def test_a_step_that_fails_is_logged_and_the_next_one_goes_on(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_PAUSE_AFTER_FAILURE", 0.01)
    with receiving(200) as red:
        (one,) = sign_out_at(make_client("red", port=red.port))
        with database_lost_once("unreachable", at="SELECT endpoint_health"):
            dispatcher.start()
            dispatcher.wake()
            wait_until(lambda: red.answered)

    dispatcher.close()
    assert now_is(one).state == DeliveryState.ACCEPTED
    assert [line.message for line in caplog.records].count("dispatch_step_failed") == 1
