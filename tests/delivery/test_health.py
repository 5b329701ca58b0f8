"""One worker's view of endpoints, what it writes of them, and what is due once they work (DLV-14, DLV-15)."""

from datetime import timedelta

import pytest
from flask import Flask

from provider.clients.models import Client
from provider.delivery.attempt import AttemptResult
from provider.delivery.breaker import Transition
from provider.delivery.judge import Postponed
from provider.delivery.models import BreakerState, DeliveryState
from provider.delivery.resend import hasten
from provider.infrastructure import clock, current
from provider.infrastructure.database import transaction
from provider.logout.notice import recipient_of
from tests.conftest import TurnedClock
from tests.delivery.knowing_worker import ME, Worker, attempted, row_of
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.rows import endpoint, leased, put
from tests.factories import make_account, make_client

HOUR = timedelta(hours=1)
A_MOMENT = timedelta(microseconds=1)
CLOSED, OPEN, RECOVERING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.RECOVERING


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


class TestWhatIsWritten:
    def test_of_an_endpoint_that_works_nothing(self, red: Client) -> None:
        worker = Worker()

        assert not worker.saw(red, "accepted")
        worker.health.count(recipient_of(red.id), None)
        worker.health.count(recipient_of(red.id), AttemptResult(Postponed(clock.now())))
        worker.health.write(at_once=True)

        assert row_of(red) is None

    def test_of_one_that_fails_all_that_was_seen(self, red: Client) -> None:
        worker = Worker()

        worker.saw(red, "accepted", "timeout", "bad_request")
        worker.saw(red, "bad_request")

        row = row_of(red)
        assert row
        assert (row.state, row.consecutive_failures, row.refusals, row.trips) == ("closed", 3, 2, 0)
        assert (row.window_attempts, row.window_failures) == (4, 3)
        assert (row.failing_since, row.last_outcome) == (clock.now(), "bad_request")
        assert worker.announced == [Transition.FAILING, Transition.REFUSING]

    def test_ten_failures_in_a_row_open_its_breaker_at_once(self, red: Client) -> None:
        worker = Worker()
        worker.saw(red, *["timeout"] * 9)
        worker.health.count(recipient_of(red.id), attempted(red, "timeout"))

        worker.health.write()

        row = row_of(red)
        assert row
        assert (row.state, row.holder) == (OPEN, None)
        assert row.open_until == clock.now() + current.settings().endpoint_probe_wait
        assert worker.announced == [Transition.FAILING, Transition.OPENED]
        assert worker.health.is_held(recipient_of(red.id))

    def test_the_end_of_its_failures_with_that_of_its_being_reported(self, red: Client) -> None:
        now = clock.now()
        endpoint(red.id, failing_since=now - HOUR, degraded_since=now - HOUR, told_at=now, last_outcome="dns")
        worker = Worker()

        worker.saw(red, "accepted")

        row = row_of(red)
        assert row
        assert (row.failing_since, row.degraded_since, row.told_at) == (None, None, None)
        assert worker.announced == [Transition.WORKING, Transition.RECOVERED]


class TestWhatWaitsForAnEndpointThatWorksAgain:
    @pytest.mark.parametrize(
        ("failed_for", "is_due"),
        [
            pytest.param(timedelta(seconds=30), True, id="after a wait of the breaker"),
            pytest.param(timedelta(seconds=30) - A_MOMENT, False, id="after less than that"),
        ],
    )
    def test_is_due_if_it_has_failed_for_long(self, red: Client, failed_for: timedelta, is_due: bool) -> None:
        (waiting,) = sign_out_at(red)
        later = clock.now() + HOUR
        put(waiting, next_attempt_at=later)
        endpoint(red.id, failing_since=clock.now() - failed_for)

        assert Worker().saw(red, "accepted") == is_due

        assert now_is(waiting).next_attempt_at == (clock.now() if is_due else later)

    def test_is_not_due_while_some_of_it_fails(self, red: Client) -> None:
        (waiting,) = sign_out_at(red)
        later = clock.now() + HOUR
        put(waiting, next_attempt_at=later)
        endpoint(red.id, failing_since=clock.now() - HOUR)

        assert not Worker().saw(red, "accepted", "timeout")

        assert now_is(waiting).next_attempt_at == later

    @pytest.mark.parametrize(
        ("holder", "due_in", "state"),
        [
            pytest.param(ME, HOUR, CLOSED, id="nothing more is due, so the breaker closes"),
            pytest.param(ME, timedelta(0), RECOVERING, id="more is due, so the trial goes on"),
            pytest.param("another", HOUR, RECOVERING, id="another worker tries it"),
        ],
    )
    def test_after_a_trial(self, red: Client, holder: str, due_in: timedelta, state: BreakerState) -> None:
        (waiting,) = sign_out_at(red)
        now = clock.now()
        put(waiting, next_attempt_at=now + due_in)
        endpoint(red.id, state=RECOVERING, holder=holder, open_until=now + HOUR, failing_since=now - HOUR)

        assert Worker().saw(red, "accepted") == (state is CLOSED)

        row = row_of(red)
        assert row
        lease = current.settings().delivery_lease
        until = {CLOSED: None, RECOVERING: now + (lease if holder == ME else HOUR)}[state]
        assert (row.state, row.open_until) == (state, until)
        assert now_is(waiting).next_attempt_at == (now if state is CLOSED else now + due_in)

    def test_is_made_due_in_batches(self, red: Client) -> None:
        owed = sign_out_at(red, count=5)
        for one in owed:
            put(one, next_attempt_at=clock.now() + HOUR)
        endpoint(red.id, failing_since=clock.now() - HOUR)
        worker = Worker(batch=2)
        worker.health.count(recipient_of(red.id), attempted(red, "accepted"))

        def are_due() -> int:
            return sum(now_is(one).next_attempt_at == clock.now() for one in owed)

        due = [(worker.health.write(), are_due()) for _ in range(4)]

        # The first batch with what was written, and the next one right behind it.
        assert due == [(True, 4), (True, 5), (True, 5), (False, 5)]


class TestHastening:
    def test_takes_what_waits_for_that_client_and_is_not_being_attempted(self, red: Client) -> None:
        green, now = make_client("green"), clock.now()
        waiting, accepted, attempted_now, due = sign_out_at(red, count=4)
        (other,) = sign_out_at(green, account=make_account("ben"))
        for one in (waiting, accepted, attempted_now, other):
            put(one, next_attempt_at=now + HOUR)
        put(accepted, state=DeliveryState.ACCEPTED)
        leased(attempted_now)
        put(due, next_attempt_at=now - HOUR)

        with transaction():
            assert hasten(recipient_of(red.id), 10) == 1

        rows = [now_is(one).next_attempt_at - now for one in (waiting, accepted, attempted_now, other, due)]
        assert rows == [timedelta(0), HOUR, HOUR, HOUR, -HOUR]

    def test_takes_no_more_than_so_many(self, red: Client) -> None:
        for one in sign_out_at(red, count=3):
            put(one, next_attempt_at=clock.now() + HOUR)

        with transaction():
            assert hasten(recipient_of(red.id), 2) == 2
            assert hasten(recipient_of(red.id), 2) == 1
            assert hasten(recipient_of(red.id), 2) == 0
