"""A worker's reading of what is due, and what it finds out by a lease (DLV-05, DLV-13)."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, update

from provider.clients.models import Client
from provider.delivery import start
from provider.delivery.health import Health
from provider.delivery.lease import LeasedBatch, lease_due
from provider.delivery.limiter import Limiter, Limits
from provider.delivery.models import BreakerState, Delivery, DeliveryState
from provider.delivery.next_look import Leased, NoPermit, NothingDue, ResultsBehind
from provider.delivery.owner import Owner
from provider.delivery.queries import is_any_due, list_due, list_expired, list_first_due
from provider.delivery.recipient import Recipient
from provider.delivery.results import Results
from provider.delivery.selection import Capacity, DueDelivery
from provider.delivery.sender import Sender
from provider.delivery.start import Starter
from provider.delivery.wake_up import WakeUp
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import recipient_of
from provider.logout.notification.outbox import LOGOUTS, announce_transition
from tests.conftest import TurnedClock
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.receivers import receiving
from tests.delivery.rows import endpoint, leased, put
from tests.factories import make_account, make_client

KINDS = [LOGOUTS.name]
OF = (KINDS, Owner(kinds=[LOGOUTS]).registrant)
MINUTE = timedelta(minutes=1)
LIMITS = Limits(endpoint_concurrency=99, endpoint_rate=99, address_concurrency=99, address_rate=99)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def registered_by_itself(client: Client) -> None:
    with transaction():
        change(update(Client).where(Client.id == client.id).values(registrant="network:192.0.2.1"))


def as_due(delivery: Delivery, priority: int = 1, registrant: str | None = None) -> DueDelivery:
    return DueDelivery(delivery.id, delivery.recipient, priority, registrant)


class TestWhatIsDue:
    def test_the_urgent_come_first_and_then_those_that_have_waited_longest(self) -> None:
        red, green, now = make_client("red"), make_client("green"), clock.now()
        registered_by_itself(green)
        short, long = sign_out_at(red, count=2)
        at_green, urgent = sign_out_at(green, account=make_account("ben"), count=2)
        put(short, next_attempt_at=now)
        put(long, next_attempt_at=now - 3 * MINUTE)
        put(at_green, next_attempt_at=now - 2 * MINUTE)
        put(urgent, next_attempt_at=now, priority=0)
        theirs = {"registrant": "network:192.0.2.1"}
        in_order = [as_due(urgent, 0, **theirs), as_due(long), as_due(at_green, **theirs), as_due(short)]

        assert list_due(now, 10, *OF) == in_order
        assert list_due(now, 2, *OF) == in_order[:2]
        assert list_first_due(now, 10, *OF, but=[]) == in_order[:2]
        assert list_first_due(now, 1, *OF, but=[]) == in_order[:1]
        assert list_first_due(now, 10, *OF, but=[recipient_of(green.id)]) == [as_due(long)]
        put(urgent, priority=1)
        assert list_first_due(now, 10, *OF, but=[]) == [
            as_due(long),
            as_due(at_green, **theirs),
        ]
        put(at_green, next_attempt_at=now - 4 * MINUTE)
        assert list_first_due(now, 10, *OF, but=[]) == [as_due(at_green, **theirs), as_due(long)]

    def test_only_what_waits_is_free_and_of_a_known_kind(self) -> None:
        now = clock.now()
        later, accepted, attempted, another, free_again = sign_out_at(make_client("red"), count=5)
        put(later, next_attempt_at=now + timedelta(microseconds=1))
        put(accepted, state=DeliveryState.ACCEPTED)
        leased(attempted)
        put(another, kind="weather")
        assert not is_any_due(now - MINUTE, KINDS)
        leased(free_again, ends_in=timedelta(0))
        assert list_due(now, 10, *OF) == list_first_due(now, 10, *OF, but=[]) == []
        assert not is_any_due(now, KINDS)

        leased(free_again, ends_in=-timedelta(microseconds=1))

        assert list_due(now, 10, *OF) == list_first_due(now, 10, *OF, but=[]) == [as_due(free_again)]
        assert is_any_due(now, KINDS)
        assert list_due(now, 10, ["weather"]) == [as_due(now_is(another))]

    def test_what_has_lost_its_meaning_the_oldest_first(self) -> None:
        now = clock.now()
        second, first, accepted, attempted, another, _ = sign_out_at(make_client("red"), count=6)
        put(second, expires_at=now)
        for one in (first, accepted, attempted, another):
            put(one, expires_at=now - MINUTE)
        put(accepted, state=DeliveryState.ACCEPTED)
        leased(attempted)
        put(another, kind="weather")

        assert list_expired(now, 10, KINDS) == [first.id, second.id]
        assert list_expired(now, 1, KINDS) == [first.id]


def test_a_claim_knows_who_registered_the_first_recipient_and_one_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("provider.delivery.lease._LEAST_READ", 1)
    red, green = make_client("red"), make_client("green")
    for one in (red, green):
        registered_by_itself(one)
    at_red, at_green = sign_out_at(red, green)
    put(at_red, next_attempt_at=clock.now() - MINUTE)
    seen: list[DueDelivery] = []

    def hold(due: DueDelivery) -> None:
        seen.append(due)

    with transaction():
        lease = lease_due(Capacity(1, 1), hold, KINDS, "me", OF[1])

    theirs = {"registrant": "network:192.0.2.1"}
    assert seen == [as_due(at_red, **theirs), as_due(at_green, **theirs)]
    assert (lease.taken, lease.held) == ([], {at_red.recipient, at_green.recipient})


@pytest.mark.parametrize("find", [list_due, list_expired])
def test_the_first_of_a_backlog_are_read_in_order_and_not_sorted(
    app: Flask, find: Callable[..., object]
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by statistics, which a test has none of")
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_conn: object, _cursor: object, sql: str, values: tuple[object, ...], *_: object) -> None:
        asked.append((sql, values))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        find(clock.now(), 10, KINDS)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    sql, values = asked[-1]
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple(values)).all()

    assert not [step for step in plan if "TEMP B-TREE" in step[3]]


class Worker:
    """The parts of a worker that lease and send."""

    def __init__(self, permits: int = 4) -> None:
        self.limiter = Limiter(LIMITS, slots=permits, permits=permits)
        self.owner = Owner(kinds=[LOGOUTS])
        self.health = Health("me", self.limiter, announce_transition, self.owner.current_urls)
        self.results = Results(self.owner.record, nullcontext(), lambda: None)
        self.wake_up = WakeUp()
        self.sender = Sender(self.limiter, self.results, self.wake_up, slots=permits, stalled_limit=permits)
        self.starter = Starter(
            self.owner, self.limiter, self.health, self.sender, self.results, nullcontext(), "me"
        )

    def close(self) -> None:
        self.sender.close()
        self.results.close()


@pytest.fixture
def worker(app: Flask) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


class TestAClaim:
    def test_that_may_take_nothing_says_why(self, worker: Worker) -> None:
        sign_out_at(make_client("red"))

        assert worker.starter.lease_and_start(0) == NoPermit(is_limit_reached=True)
        full = Limiter(LIMITS, slots=0, permits=0)
        worker.starter._limiter = full
        assert worker.starter.lease_and_start(None) == NoPermit(is_limit_reached=False)
        assert worker.starter.lease_and_start(1) == NoPermit(is_limit_reached=False)

    def test_where_nothing_is_due_finds_nothing(self, worker: Worker) -> None:
        (later,) = sign_out_at(make_client("red"))
        put(later, next_attempt_at=clock.now() + MINUTE)

        found = worker.starter.lease_and_start(None)

        # On SQLite a read asks first; PostgreSQL leases at once.
        asks_first = db.engine.dialect.name == "sqlite"
        assert found == (NothingDue() if asks_first else Leased(taken=0, may_be_more=False))

    def test_takes_what_the_limits_allow(self, worker: Worker) -> None:
        with receiving(200) as red:
            sign_out_at(make_client("red", port=red.port), count=3)

            found = worker.starter.lease_and_start(None)
            worker.close()

        # An endpoint that has not proved itself gets one at a time, which a release alone allows again.
        assert found == Leased(
            taken=1, may_be_more=False, has_held=True, held_until=None, is_limited=True, is_half_free=True
        )
        assert len(red.received) == 1

    @pytest.mark.parametrize(("are_of_one", "taken"), [(False, 2), (True, 1)])
    def test_takes_less_for_the_apps_of_one_registrant(
        self, worker: Worker, are_of_one: bool, taken: int
    ) -> None:
        with receiving(200) as both:
            apps = [make_client(name, port=both.port) for name in ("red", "green")]
            for one in apps if are_of_one else ():
                registered_by_itself(one)
            sign_out_at(*apps)

            found = worker.starter.lease_and_start(None)
            worker.close()

        assert isinstance(found, Leased)
        assert found.taken == len(both.received) == taken

    def test_waits_for_the_trial_that_is_due_next(self, worker: Worker) -> None:
        red = make_client("red")
        sign_out_at(red)
        held = {"url": red.registered["backchannel_logout_uri"], "state": BreakerState.OPEN}
        endpoint(red.id, **held, open_until=clock.now() + MINUTE, failing_since=clock.now())
        begun = time.monotonic()

        found = worker.starter.lease_and_start(None)

        assert isinstance(found, Leased)
        assert (found.taken, found.has_held, found.is_limited) == (0, True, False)
        assert found.held_until is not None
        assert begun + 60 <= found.held_until <= time.monotonic() + 60

    def test_the_last_permit_of_urgent_ones_is_used(self, worker: Worker) -> None:
        worker.starter._limiter = Limiter(LIMITS, slots=1, permits=0)
        with receiving(200) as red:
            usual, urgent = sign_out_at(make_client("red", port=red.port), count=2)
            put(usual, priority=1)
            put(urgent, priority=0)

            found = worker.starter.lease_and_start(None)
            worker.close()

        assert isinstance(found, Leased)
        assert found.taken == 1
        assert [one.delivery for one in red.received] == [str(urgent.id)]

    def test_is_put_off_while_too_many_results_wait_to_be_written(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(start, "_UNWRITTEN", 0)
        assert not isinstance(worker.starter.lease_and_start(None), ResultsBehind)
        waiting: Any = None
        worker.results._unwritten.append(waiting)

        assert worker.starter.lease_and_start(None) == ResultsBehind()

    @pytest.mark.parametrize(
        ("under_way", "has_free", "is_half_free"), [(0, True, True), (1, True, True), (2, False, False)]
    )
    def test_says_which_permits_are_left(
        self, worker: Worker, under_way: int, has_free: bool, is_half_free: bool
    ) -> None:
        limiter = worker.starter._limiter = Limiter(LIMITS, slots=8, permits=2)
        for number in range(under_way):
            assert limiter.take(Recipient("weather", UUID(int=number)), 0.0)

        found = worker.starter._found(
            LeasedBatch([], set(), may_be_more=True, is_full=True), is_limited=False
        )

        assert found == Leased(
            taken=0, may_be_more=True, is_full=True, has_free=has_free, is_half_free=is_half_free
        )
