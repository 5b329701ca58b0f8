"""How one worker sees endpoints, what it writes of them, and which trials it takes (DLV-14, DLV-15)."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from provider.clients.models import Client
from provider.delivery import health_rows
from provider.delivery.attempt import AttemptResult
from provider.delivery.breaker import Transition
from provider.delivery.health import Health
from provider.delivery.judge import Accepted, Postponed, RetryAt
from provider.delivery.known_health import KnownHealth
from provider.delivery.limiter import Limiter, Limits
from provider.delivery.models import BreakerState, DeliveryState, EndpointHealth
from provider.delivery.outgoing import Exchange
from provider.delivery.recipient import Recipient
from provider.delivery.resend import hasten
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import recipient_of
from tests.conftest import TurnedClock
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.test_delivery_queries import endpoint, leased, put
from tests.factories import make_account, make_client

HOUR = timedelta(hours=1)
A_MOMENT = timedelta(microseconds=1)
LIMITS = Limits(endpoint_concurrency=99, endpoint_rate=99, address_concurrency=99, address_rate=99)
ME = "this worker"
CLOSED, OPEN, RECOVERING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.RECOVERING


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


@pytest.fixture
def red(app: Flask) -> Client:
    return make_client("red")


class Worker:
    """The part of a worker that knows endpoints, and what it has announced."""

    def __init__(self, moved: Mapping[Recipient, str | None] | None = None, batch: int = 1000) -> None:
        self.limiter = Limiter(LIMITS, slots=40, permits=40)
        self.announced: list[Transition] = []
        self.health = Health(ME, self.limiter, self._announce, lambda failed: failed | (moved or {}), batch)
        self.health.refresh()
        # What was counted before the first window began would be forgotten.
        self.health.write()

    def _announce(self, _row: EndpointHealth, transition: Transition) -> None:
        self.announced.append(transition)

    def saw(self, client: Client, *outcomes: str) -> bool:
        """Count attempts with these outcomes, and write down what others must know."""
        for outcome in outcomes:
            self.health.count(recipient_of(client.id), attempted(client, outcome))
        return self.health.write(at_once=True)


def attempted(client: Client, outcome: str) -> AttemptResult:
    url = client.registered["backchannel_logout_uri"]
    exchange = Exchange(url=url, jti=None, name="red", outcome=outcome, status=None, latency_ms=1)
    if outcome == "accepted":
        return AttemptResult(Accepted(outcome), exchange)
    return AttemptResult(RetryAt(clock.now(), outcome), exchange)


def row_of(client: Client) -> EndpointHealth | None:
    db.session.commit()
    row = db.session.get(EndpointHealth, recipient_of(client.id), populate_existing=True)
    db.session.commit()
    return row


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
        endpoint(red.id, failing_since=clock.now())
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


class TestWhatIsKnown:
    def test_endpoints_that_fail_or_are_not_called_and_which_have_moved(self, red: Client) -> None:
        here = recipient_of(red.id)
        green, blue, well = (recipient_of(make_client(name).id) for name in ("green", "blue", "well"))
        endpoint(here.id, url="https://red.test/a", state=OPEN)
        endpoint(green.id, url="https://green.test/a", state=OPEN)
        endpoint(blue.id, url="https://blue.test/a", failing_since=clock.now())
        endpoint(well.id, url="https://well.test/a")
        asked: list[object] = []

        def now_at(failed: Mapping[Recipient, str | None]) -> dict[Recipient, str | None]:
            asked.append(dict(failed))
            return {here: "https://red.test/b", green: "https://green.test/a"}

        known = KnownHealth(now_at)
        known.refresh()

        assert [one in known for one in (here, green, blue, well)] == [True, True, True, False]
        assert asked == [{here: "https://red.test/a", green: "https://green.test/a"}]
        assert known.new_urls == {here: "https://red.test/b"}

    def test_it_is_read_anew_when_something_was_written_meanwhile(self, red: Client) -> None:
        known = KnownHealth(lambda failed: failed)
        known.refresh()
        endpoint(red.id, failing_since=clock.now())

        known.expire()
        known.refresh()

        assert recipient_of(red.id) in known
        assert Recipient("weather", red.id) not in known

    def test_rows_are_made_where_there_are_none_and_returned_in_the_order_of_their_recipients(self) -> None:
        clients = sorted((make_client(name).id for name in ("red", "green", "blue")), reverse=True)
        recipients = [recipient_of(key) for key in clients]
        endpoint(clients[0], trips=3)

        with transaction():
            rows = health_rows.lock(recipients)
            assert [(row.recipient_id, row.state, row.trips) for row in rows] == [
                (clients[2], "closed", 0),
                (clients[1], "closed", 0),
                (clients[0], "closed", 3),
            ]
            change(update(EndpointHealth).values(trips=7))
            assert {row.trips for row in health_rows.lock(recipients)} == {7}
        with transaction():
            change(update(EndpointHealth).values(failing_since=clock.now()))
            assert {row.trips for row in health_rows.list_failing()} == {7}
            change(update(EndpointHealth).values(trips=8))
            assert {row.trips for row in health_rows.list_failing()} == {8}

    def test_what_is_due_for_a_recipient(self, red: Client) -> None:
        (waiting,) = sign_out_at(red)
        green = make_client("green")

        assert health_rows.has_due(recipient_of(red.id), clock.now())
        assert not health_rows.has_due(recipient_of(red.id), clock.now() - A_MOMENT)
        assert not health_rows.has_due(recipient_of(green.id), clock.now())
        assert db.session.scalar(select(EndpointHealth.recipient_id)) is None
        assert waiting.recipient_id == red.id
