"""Endpoints that fail are left in peace and tried again; what they are owed waits (DLV-14, DLV-15)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from provider.clients.models import Client
from provider.config import Settings
from provider.delivery.dispatch import Dispatcher
from provider.delivery.health import Health
from provider.delivery.limiter import Limiter, Limits
from provider.delivery.models import BreakerState, Delivery, DeliveryState, EndpointHealth
from provider.delivery.owner import Owner
from provider.delivery.resend import resend
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.database_errors import AWAY
from provider.logout.notice import BACKCHANNEL_LOGOUT, recipient_of
from provider.logout.notification.outbox import (
    LOGOUTS,
    announce_transition,
    drain,
    find_current_urls,
    make_dispatcher,
)
from tests.conftest import TurnedClock
from tests.delivery.held import health, hold, states_of
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.receivers import Receiver, receiving
from tests.factories import make_account, make_client
from tests.support.losing_database import database_lost_once

FIRST_WAIT = timedelta(seconds=30)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Waits that are over when the breaker allows a trial, and many of them."""
    return replace(settings, delivery_schedule=(timedelta(seconds=10),) * 40)


@pytest.fixture(autouse=True)
def standing_clock(turned_clock: TurnedClock) -> None:
    """No retry falls due by itself, however slow the machine is."""


@pytest.fixture
def red() -> Iterator[Receiver]:
    with receiving(503) as red:
        yield red


def test_ten_failures_in_a_row_hold_the_rest_which_lose_no_attempt(app: Flask, red: Receiver) -> None:
    owed = hold(red)

    assert len(red.received) == 10
    assert states_of(owed) == [("pending", 0)] * 4 + [("pending", 1)] * 10


def test_what_is_held_is_not_attempted_until_a_trial_is_due(
    app: Flask, red: Receiver, turned_clock: TurnedClock
) -> None:
    owed = hold(red)

    turned_clock.turn(FIRST_WAIT - timedelta(seconds=1))
    assert drain() == {}

    assert len(red.received) == 10
    assert sum(attempts for _, attempts in states_of(owed)) == 10


def test_a_trial_that_fails_is_one_request_and_the_next_wait_is_longer(
    app: Flask, red: Receiver, turned_clock: TurnedClock
) -> None:
    owed = hold(red)

    at = turned_clock.turn(FIRST_WAIT)
    assert drain() == {"pending": 1}

    assert len(red.received) == 11
    assert health().open_until == at + 2 * FIRST_WAIT
    assert sum(attempts for _, attempts in states_of(owed)) == 11


def test_a_trial_that_succeeds_brings_everything(
    app: Flask, red: Receiver, turned_clock: TurnedClock
) -> None:
    owed = hold(red)
    red.statuses = [200]

    turned_clock.turn(FIRST_WAIT)
    drain()

    assert {state for state, _ in states_of(owed)} == {DeliveryState.ACCEPTED}
    assert len({one.delivery for one in red.received[10:]}) == len(red.received[10:]) == 14
    assert (health().state, health().failing_since) == (BreakerState.CLOSED, None)


def test_what_would_have_waited_longer_is_due_when_the_endpoint_works_again(
    app: Flask, red: Receiver, turned_clock: TurnedClock
) -> None:
    owed = hold(red)
    later = turned_clock() + timedelta(hours=6)
    with transaction():
        change(update(Delivery).where(Delivery.attempt_count == 1).values(next_attempt_at=later))
    red.statuses = [200]

    turned_clock.turn(FIRST_WAIT)
    drain()
    drain()

    assert {state for state, _ in states_of(owed)} == {DeliveryState.ACCEPTED}


@pytest.mark.parametrize(
    "nth", [pytest.param(1, id="with the first batch"), pytest.param(2, id="before the rest")]
)
def test_a_database_that_goes_away_when_an_endpoint_works_again_leaves_nothing_late(
    app: Flask, red: Receiver, turned_clock: TurnedClock, nth: int
) -> None:
    owed = hold(red)
    later = turned_clock() + timedelta(hours=6)
    with transaction():
        change(update(Delivery).where(Delivery.attempt_count == 1).values(next_attempt_at=later))
    red.statuses = [200]
    turned_clock.turn(FIRST_WAIT)
    owner = Owner(kinds=[LOGOUTS])
    dispatcher = Dispatcher(owner, concurrency=8, name="test", hasten_batch=3)

    hastening = "UPDATE delivery SET next_attempt_at"
    with database_lost_once("unreachable", at=hastening, nth=nth), pytest.raises(AWAY):
        dispatcher.drain()
    # What was made due by then, a batch of three, stays so.
    waiting = select(func.count()).where(Delivery.next_attempt_at == later)
    assert db.session.scalar(waiting) == 10 - 3 * (nth - 1)
    dispatcher.drain()
    dispatcher.close()

    assert {state for state, _ in states_of(owed)} == {DeliveryState.ACCEPTED}
    assert health().state == BreakerState.CLOSED


def test_only_one_worker_tries(app: Flask, red: Receiver, turned_clock: TurnedClock) -> None:
    hold(red)
    turned_clock.turn(FIRST_WAIT)
    with transaction():
        values = {
            "state": BreakerState.RECOVERING,
            "holder": "another",
            "open_until": turned_clock() + FIRST_WAIT,
        }
        change(update(EndpointHealth).values(values))

    assert drain() == {}
    assert len(red.received) == 10

    # The other has not been heard of since.
    turned_clock.turn(FIRST_WAIT)
    drain()
    assert len(red.received) == 11


def test_another_address_is_tried_at_once(app: Flask, red: Receiver) -> None:
    owed = hold(red)

    with receiving(200) as mended:
        client = db.session.scalars(select(Client)).one()
        with transaction():
            moved = client.registered | {"backchannel_logout_uri": mended.url}
            change(update(Client).values(registered=moved))
        drain()
        drain()

    assert len(mended.received) >= 4
    assert now_is(owed[-1]).state == DeliveryState.ACCEPTED
    assert health().state == BreakerState.CLOSED


def test_who_asks_to_send_again_has_it_tried_at_once(app: Flask, red: Receiver) -> None:
    owed = hold(red)
    red.statuses = [200]

    with transaction():
        assert resend(owed[-1])
    drain()

    assert now_is(owed[-1]).state == DeliveryState.ACCEPTED


def test_what_is_held_expires_all_the_same(app: Flask, red: Receiver) -> None:
    owed = hold(red)
    with transaction():
        change(update(Delivery).where(Delivery.id == owed[-1].id).values(expires_at=owed[-1].created_at))

    assert drain() == {"expired": 1}

    assert now_is(owed[-1]).state == DeliveryState.EXPIRED
    assert len(red.received) == 10


def test_what_is_held_for_one_app_does_not_hide_that_of_others(app: Flask, red: Receiver) -> None:
    hold(red, count=60)
    with receiving(200) as green:
        [delivery] = sign_out_at(make_client("green", port=green.port), account=make_account("ben"))
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_workers_find_out_from_each_other(app: Flask, red: Receiver) -> None:
    other: Dispatcher = make_dispatcher(8, "other")
    hold(red)

    assert other.drain() == {}

    other.close()
    assert len(red.received) == 10


def test_a_trial_that_nothing_waits_for_wakes_no_worker(app: Flask, turned_clock: TurnedClock) -> None:
    red, green = make_client("red"), make_client("green")
    now = turned_clock()
    with transaction():
        for client, open_until in ((red, now - timedelta(days=10)), (green, now + timedelta(minutes=10))):
            held = {"state": BreakerState.OPEN.value, "failing_since": now, "open_until": open_until}
            counts = {"trips": 1, "consecutive_failures": 10, "window_attempts": 0, "window_failures": 0}
            db.session.add(EndpointHealth(kind=BACKCHANNEL_LOGOUT, recipient_id=client.id, **held, **counts))
    limits = Limits(endpoint_concurrency=9, endpoint_rate=9, address_concurrency=9, address_rate=9)
    known = Health("test", Limiter(limits, slots=9, permits=9), announce_transition, find_current_urls)
    known.refresh()

    assert known.next_trial_in({recipient_of(green.id)}) == 600
    assert known.next_trial_in({recipient_of(one.id) for one in (red, green)}) == 0
    assert known.next_trial_in(set()) is None
