"""The trials of an endpoint that a worker takes, and what its neighbours start (DLV-14)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from provider.clients.models import Client
from provider.delivery import health_rows
from provider.delivery.known_health import KnownHealth
from provider.delivery.models import BreakerState, EndpointHealth
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import recipient_of
from tests.conftest import TurnedClock
from tests.delivery.knowing_worker import ME, Worker, row_of
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.rows import endpoint, put
from tests.factories import make_client

HOUR = timedelta(hours=1)
CLOSED, OPEN, RECOVERING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.RECOVERING


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


class TestTrials:
    def test_one_that_is_due_is_taken_by_one_worker(self, red: Client) -> None:
        now = clock.now()
        endpoint(red.id, url="https://red.test/x", state=OPEN, open_until=now, failing_since=now - HOUR)
        green = make_client("green").id
        endpoint(green, url="https://red.test/x", state=OPEN, open_until=now, failing_since=now - HOUR)
        first, second = Worker(), Worker()
        first.limiter.take(recipient_of(red.id), 0.0)

        with transaction():
            assert not first.health.is_held(recipient_of(red.id))
        with transaction():
            assert second.health.is_held(recipient_of(red.id))
            assert not first.health.is_held(recipient_of(red.id))

        row = row_of(red)
        assert row
        until = now + current.settings().delivery_lease
        assert (row.state, row.holder, row.open_until, row.url) == (
            RECOVERING,
            ME,
            until,
            "https://red.test/x",
        )
        other = db.session.get_one(EndpointHealth, recipient_of(green))
        assert (other.state, other.holder) == (OPEN, None)

    def test_none_is_taken_before_its_time(self, red: Client, turned_clock: TurnedClock) -> None:
        url = red.registered["backchannel_logout_uri"]
        endpoint(red.id, url=url, state=OPEN, open_until=clock.now() + HOUR, failing_since=clock.now())
        worker = Worker()

        assert worker.health.is_held(recipient_of(red.id))
        turned_clock.turn(HOUR)
        with transaction():
            assert not worker.health.is_held(recipient_of(red.id))

    @pytest.mark.parametrize(
        ("failed_at", "is_taken"),
        [
            pytest.param("https://red.test/old", True, id="it failed at the old one"),
            pytest.param("https://red.test/new", False, id="another worker has failed at the new one since"),
        ],
    )
    def test_another_address_is_tried_at_once(self, red: Client, failed_at: str, is_taken: bool) -> None:
        until = clock.now() + HOUR
        endpoint(red.id, url="https://red.test/old", state=OPEN, open_until=until, failing_since=clock.now())
        worker = Worker(moved={recipient_of(red.id): "https://red.test/new"})
        with transaction():
            change(update(EndpointHealth).values(url=failed_at))

        with transaction():
            assert worker.health.is_held(recipient_of(red.id)) != is_taken

        row = row_of(red)
        assert row
        assert (row.state, row.url) == (RECOVERING if is_taken else OPEN, "https://red.test/new")

    def test_an_endpoint_whose_breaker_is_closed_is_not_tried_but_called(self, red: Client) -> None:
        endpoint(red.id, failing_since=clock.now(), open_until=clock.now())
        worker = Worker()

        assert not worker.health.is_held(recipient_of(red.id))
        assert not worker.health.is_held(recipient_of(make_client("green").id))
        row = row_of(red)
        assert row
        assert not health_rows.take_trial(row, ME, now=clock.now() + HOUR, until=clock.now(), new_urls={})
        assert (row.state, row.holder) == (CLOSED, None)

    def test_a_trial_begins_at_the_foot_of_the_ramp(self, red: Client) -> None:
        endpoint(red.id, state=OPEN, failing_since=clock.now(), open_until=clock.now())
        worker = Worker()
        permit = worker.limiter.take(recipient_of(red.id), 0.0)
        assert permit
        permit.release(True)
        assert worker.limiter.room(recipient_of(red.id), 100.0) > 1

        with transaction():
            assert not worker.health.is_held(recipient_of(red.id))

        assert worker.limiter.room(recipient_of(red.id), 100.0) == 1


class TestNeighbours:
    def test_one_that_works_at_the_same_origin_opens_a_trial_of_the_other(self, red: Client) -> None:
        now = clock.now()
        green = make_client("green", backchannel_logout_uri="https://red.test/green")
        (waiting,) = sign_out_at(red)
        put(waiting, next_attempt_at=now + HOUR)
        url = "HTTPS://RED.test/logout"
        endpoint(red.id, url=url, state=OPEN, open_until=now + HOUR, failing_since=now - HOUR)
        worker = Worker()

        assert worker.saw(green, "accepted")

        row = row_of(red)
        assert row
        assert (row.state, row.open_until) == (OPEN, now)
        assert now_is(waiting).next_attempt_at == now
        assert not worker.health.write(at_once=True)

    @pytest.mark.parametrize(
        ("url", "beside"),
        [
            ("https://red.test/another", True),
            ("https://RED.test", True),
            ("http://red.test/logout", False),
            ("https://red.test:8443/logout", False),
            ("https://green.test/logout", False),
        ],
    )
    def test_which_addresses_are_of_one_origin(self, red: Client, url: str, beside: bool) -> None:
        endpoint(red.id, url="https://red.test/logout", failing_since=clock.now())
        green = recipient_of(make_client("green").id)
        known = KnownHealth(lambda failed: failed)
        assert known.list_failing_beside(green, url) == set()
        known.refresh()

        assert known.list_failing_beside(green, url) == ({recipient_of(red.id)} if beside else set())
        assert known.list_failing_beside(recipient_of(red.id), url) == set()
