"""What an operator's act or a duty of the worker takes of deliveries and endpoints, and what it leaves."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from provider.delivery import workers
from provider.delivery.cancel import cancel
from provider.delivery.degraded import (
    count_waiting,
    find_failing,
    is_degraded_since,
    list_failing,
    list_held_until,
)
from provider.delivery.models import (
    BreakerState,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    DeliveryWorker,
    EndpointHealth,
)
from provider.delivery.prune import prune_finished
from provider.delivery.queries import list_caused_by, list_deliveries, list_pending_of
from provider.delivery.recipient import Recipient
from provider.delivery.resend import resend, resend_many, take_up_rejected
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.notice import BACKCHANNEL_LOGOUT, recipient_of
from tests.conftest import TurnedClock
from tests.delivery.owing import now_is, sign_out_at
from tests.factories import make_account, make_client

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def put(delivery: Delivery, **values: object) -> Delivery:
    """Give a delivery other values in the database."""
    with transaction():
        change(update(Delivery).where(Delivery.id == delivery.id).values(**values))
    return delivery


def moved_behind(delivery: Delivery) -> UUID:
    """Give a delivery an id behind those of the others: it is the first row, and the last in their order."""
    behind = new_id()
    put(delivery, id=behind)
    return behind


def leased(delivery: Delivery, ends_in: timedelta = MINUTE) -> Delivery:
    """A delivery that a worker attempts, or attempted."""
    return put(delivery, leased_until=clock.now() + ends_in, lease_token="a lease")


def endpoint(client_id: UUID, **values: object) -> EndpointHealth:
    health = EndpointHealth(kind=BACKCHANNEL_LOGOUT, recipient_id=client_id, **values)
    with transaction():
        db.session.add(health)
    return health


class TestCancelling:
    def test_what_waits_is_cancelled_and_keeps_no_lease(self) -> None:
        waiting, abandoned = sign_out_at(make_client("red"), count=2)
        leased(abandoned, ends_in=-MINUTE)

        with transaction():
            found = cancel([abandoned.id, waiting.id], "moved away")

        assert [one.id for one in found] == sorted([waiting.id, abandoned.id])
        for one in (now_is(waiting), now_is(abandoned)):
            assert (one.state, one.cancel_reason) == (DeliveryState.CANCELLED, "moved away")
            assert (one.finished_at, one.leased_until, one.lease_token) == (clock.now(), None, None)

    def test_what_is_finished_or_being_attempted_is_left_alone(self) -> None:
        accepted, attempted, other = sign_out_at(make_client("red"), count=3)
        put(accepted, state=DeliveryState.ACCEPTED)
        leased(attempted)

        with transaction():
            assert cancel([accepted.id, attempted.id], "moved away") == []

        states = [now_is(one).state for one in (accepted, attempted, other)]
        assert states == [DeliveryState.ACCEPTED, DeliveryState.PENDING, DeliveryState.PENDING]
        assert now_is(attempted).lease_token is not None


class TestWhatWaitsForAClient:
    def test_in_the_order_of_their_ids_and_by_batches(self) -> None:
        red = make_client("red")
        owed = sorted(one.id for one in sign_out_at(red, count=4))

        first = list_pending_of(red.id, clock.now(), None, 3)

        assert first == owed[:3]
        assert list_pending_of(red.id, clock.now(), first[-1], 3) == owed[3:]

    def test_whatever_the_order_of_the_rows(self) -> None:
        red = make_client("red")
        first, second, third = sign_out_at(red, count=3)
        last = moved_behind(first)

        assert list_pending_of(red.id, clock.now(), None, 10) == [second.id, third.id, last]
        assert [one.id for one in list_deliveries()] == [last, third.id, second.id]
        with transaction():
            assert [one.id for one in resend_many(limit=2)] == [second.id, third.id]
        with transaction():
            assert [one.id for one in cancel([last, second.id], "moved away")] == [second.id, last]

    def test_only_what_is_pending_free_and_the_clients_own(self) -> None:
        red, green = make_client("red"), make_client("green")
        accepted, _, attempted, _, waiting, _ = sign_out_at(red, green, count=3)
        put(accepted, state=DeliveryState.ACCEPTED)
        leased(attempted)

        assert list_pending_of(red.id, clock.now(), None, 10) == [waiting.id]


def test_the_deliveries_of_a_logout_are_listed_oldest_first() -> None:
    owed = sign_out_at(*(make_client(name) for name in ("red", "green", "blue")))
    sign_out_at(make_client("other"), account=make_account("ben"))

    assert [one.id for one in list_caused_by(owed[0].cause_id)] == sorted(one.id for one in owed)
    last = moved_behind(min(owed, key=lambda one: one.id))
    assert [one.id for one in list_caused_by(owed[0].cause_id)][-1] == last


class TestWhatThePreviousReleaseRejected:
    def test_it_goes_on_at_once_within_its_horizon(self) -> None:
        rejected, accepted = sign_out_at(make_client("red"), count=2)
        hours_ago = clock.now() - timedelta(hours=2)
        put(rejected, state="rejected", finished_at=hours_ago, next_attempt_at=hours_ago)
        put(accepted, state=DeliveryState.ACCEPTED, finished_at=hours_ago)

        with transaction():
            assert take_up_rejected() == 1

        taken = now_is(rejected)
        assert (taken.state, taken.next_attempt_at, taken.finished_at) == ("pending", clock.now(), None)
        assert (now_is(accepted).state, now_is(accepted).finished_at) == ("accepted", hours_ago)

    @pytest.mark.parametrize("late_by", [timedelta(0), MINUTE], ids=["just now", "a minute ago"])
    def test_it_expires_when_its_horizon_has_passed(self, late_by: timedelta) -> None:
        rejected, cancelled = sign_out_at(make_client("red"), count=2)
        put(rejected, state="rejected", expires_at=clock.now() - late_by)
        put(cancelled, state=DeliveryState.CANCELLED, expires_at=clock.now() - late_by)

        with transaction():
            assert take_up_rejected() == 0

        assert now_is(rejected).state == DeliveryState.EXPIRED
        assert now_is(cancelled).state == DeliveryState.CANCELLED

    def test_its_state_alone_is_read_as_pending(self) -> None:
        assert DeliveryState("rejected") is DeliveryState.PENDING
        with pytest.raises(ValueError, match="unheard-of"):
            DeliveryState("unheard-of")


class TestEndpoints:
    def test_those_that_fail_or_are_tried_are_listed_the_longest_failing_first(self) -> None:
        red, green, blue, well = (make_client(name).id for name in ("red", "green", "blue", "well"))
        endpoint(red, failing_since=clock.now() - MINUTE)
        endpoint(green, failing_since=clock.now() - 2 * MINUTE, state=BreakerState.OPEN)
        # Its failures are forgotten, but its breaker has not closed yet.
        endpoint(blue, state=BreakerState.RECOVERING)
        endpoint(well)

        listed = [one.recipient_id for one in list_failing()]

        assert [one for one in listed if one != blue] == [green, red]
        assert sorted(listed) == sorted([red, green, blue])

    def test_one_that_works_is_not_found_as_failing(self) -> None:
        red, well, unknown = (
            recipient_of(key) for key in (make_client("red").id, make_client("well").id, uuid4())
        )
        endpoint(red.id, failing_since=clock.now())
        endpoint(well.id)

        assert find_failing(red).recipient == red
        assert find_failing(well) is find_failing(unknown) is None

    def test_it_is_read_anew_each_time(self) -> None:
        red = recipient_of(make_client("red").id)
        endpoint(red.id, failing_since=clock.now())
        with transaction():
            known = find_failing(red)
            assert known.trips == 0
            change(update(EndpointHealth).values(trips=3))
            assert find_failing(red) is known
            assert known.trips == 3

    def test_one_is_degraded_since_an_instant_while_something_waits(self) -> None:
        red, green = make_client("red"), make_client("green")
        owed = sign_out_at(red)[0]
        since = clock.now() - MINUTE
        endpoint(red.id, url="https://red.test/x", degraded_since=since)
        endpoint(green.id, url="https://green.test/x", degraded_since=since)

        assert is_degraded_since(recipient_of(red.id), "https://red.test/x", since)
        assert not is_degraded_since(recipient_of(red.id), "https://red.test/x", since - MINUTE)
        assert not is_degraded_since(recipient_of(red.id), "https://red.test/moved", since)
        # The endpoint of another client, or what waits for another client.
        assert not is_degraded_since(recipient_of(red.id), "https://green.test/x", since)
        assert not is_degraded_since(recipient_of(green.id), "https://green.test/x", since)
        put(owed, state=DeliveryState.ACCEPTED)
        assert not is_degraded_since(recipient_of(red.id), "https://red.test/x", since)


class TestHeldClients:
    def test_those_whose_breaker_holds_what_waits_and_until_when(self) -> None:
        held, over, closed, other = (make_client(name).id for name in ("held", "over", "closed", "other"))
        soon = clock.now() + MINUTE
        endpoint(held, state=BreakerState.OPEN, open_until=soon)
        endpoint(over, state=BreakerState.OPEN, open_until=clock.now())
        endpoint(closed, open_until=soon)
        endpoint(other, state=BreakerState.OPEN, open_until=soon)

        asked = [recipient_of(key) for key in (held, over, closed)]
        assert list_held_until(asked) == {recipient_of(held): soon}
        assert list_held_until([Recipient("weather", held)]) == {}

    def test_what_waits_is_counted_for_each_client(self) -> None:
        red, green, blue = (make_client(name) for name in ("red", "green", "blue"))
        accepted, *_ = sign_out_at(red, green, count=3)
        put(accepted, state=DeliveryState.ACCEPTED)

        assert [count_waiting(recipient_of(one.id)) for one in (red, green, blue)] == [2, 3, 0]


class TestLists:
    def test_the_newest_come_first_by_pages(self) -> None:
        owed = sorted((one.id for one in sign_out_at(make_client("red"), count=3)), reverse=True)

        assert [one.id for one in list_deliveries(limit=2)] == owed[:2]
        assert [one.id for one in list_deliveries(limit=2, before=owed[1])] == owed[2:]

    def test_a_page_has_a_hundred_rows_unless_asked_otherwise(self) -> None:
        clients = [make_client(f"app-{number}") for number in range(26)]
        sign_out_at(*clients, count=4)

        assert len(list_deliveries()) == 100
        assert len(list_deliveries(limit=200)) == 104

    def test_what_refuses_was_refused_twice_and_still_waits(self) -> None:
        refusing, once, unavailable, accepted = sign_out_at(make_client("red"), count=4)
        put(refusing, refusals=2, last_outcome="bad_request")
        put(once, refusals=1, last_outcome="bad_request")
        put(unavailable, refusals=2, last_outcome="unavailable")
        put(accepted, refusals=2, last_outcome="bad_request", state=DeliveryState.ACCEPTED)

        assert [one.id for one in list_deliveries(state="refusing")] == [refusing.id]


class TestSendingAgain:
    def test_many_are_taken_up_to_an_instant_and_no_other_is_touched(self, turned_clock: TurnedClock) -> None:
        red, later = make_client("red"), clock.now() + timedelta(hours=1)
        first = sign_out_at(red)[0]
        turned_clock.turn(MINUTE)
        second = sign_out_at(red, account=make_account("ben"))[0]
        for one in (first, second):
            put(one, next_attempt_at=later)

        with transaction():
            found = resend_many(recipient_id=red.id, until=second.created_at, limit=10)

        assert [one.id for one in found] == [first.id]
        assert now_is(first).next_attempt_at == clock.now()
        assert now_is(second).next_attempt_at == later

    def test_what_is_being_attempted_is_left_to_its_worker(self) -> None:
        attempted, free = sign_out_at(make_client("red"), count=2)
        leased(attempted)
        now, later = clock.now(), clock.now() + timedelta(hours=1)
        for one in (attempted, free):
            put(one, next_attempt_at=later)

        with transaction():
            assert [one.id for one in resend_many(limit=10)] == [free.id]
        with transaction():
            assert not resend(db.session.get_one(Delivery, attempted.id))

        assert (now_is(attempted).next_attempt_at, now_is(free).next_attempt_at) == (later, now)

    def test_one_that_was_given_up_begins_anew(self) -> None:
        delivery = sign_out_at(make_client("red"))[0]
        hour_ago = clock.now() - timedelta(hours=1)
        put(
            delivery,
            state=DeliveryState.CANCELLED,
            cancel_reason="moved away",
            attempt_count=5,
            refusals=3,
            last_outcome="bad_request",
            next_attempt_at=hour_ago,
            finished_at=hour_ago,
            expires_at=hour_ago,
        )

        with transaction():
            assert resend(db.session.get_one(Delivery, delivery.id))

        again = now_is(delivery)
        assert (again.state, again.cancel_reason, again.refusals) == (DeliveryState.PENDING, None, 0)
        assert (again.attempts_before_resend, again.last_outcome) == (5, None)
        assert (again.next_attempt_at, again.finished_at) == (clock.now(), None)
        assert again.expires_at > clock.now()


class TestForgetting:
    def test_the_oldest_go_first_with_their_attempts(self, turned_clock: TurnedClock) -> None:
        owed = sign_out_at(make_client("red"), count=3)
        for minutes, one in enumerate(owed):
            put(one, state=DeliveryState.ACCEPTED, finished_at=clock.now() + minutes * MINUTE)
        with transaction():
            db.session.add(
                DeliveryAttempt(id=new_id(), delivery_id=owed[0].id, number=1, started_at=clock.now())
            )
        turned_clock.turn(timedelta(hours=1))

        with transaction():
            assert prune_finished(clock.now(), 2) == 2

        assert list(db.session.scalars(select(Delivery.id))) == [owed[2].id]
        assert db.session.scalar(select(func.count()).select_from(DeliveryAttempt)) == 0

    def test_what_waits_or_was_finished_at_the_instant_stays(self, turned_clock: TurnedClock) -> None:
        waiting, finished = sign_out_at(make_client("red"), count=2)
        turned_clock.turn(timedelta(hours=1))
        put(finished, state=DeliveryState.ACCEPTED, finished_at=clock.now())

        with transaction():
            assert prune_finished(clock.now(), 10) == 0

        assert now_is(waiting).state == DeliveryState.PENDING


class TestTheRegisterOfWorkers:
    def test_a_worker_has_one_row_with_its_last_beat(self, turned_clock: TurnedClock) -> None:
        with transaction():
            workers.note_seen("one", clock.now())
            workers.note_seen("two", clock.now())
        turned_clock.turn(MINUTE)
        with transaction():
            assert workers.note_seen("one", clock.now()) == 1

        assert seen() == {"one": clock.now(), "two": clock.now() - MINUTE}

    def test_a_worker_is_forgotten_a_day_after_its_last_beat(self, turned_clock: TurnedClock) -> None:
        with transaction():
            workers.note_seen("gone", clock.now())
        turned_clock.turn(timedelta(days=1))
        with transaction():
            workers.note_seen("one", clock.now())
        assert set(seen()) == {"gone", "one"}

        turned_clock.turn(timedelta(seconds=1))
        with transaction():
            workers.note_seen("one", clock.now())
        assert set(seen()) == {"one"}


def seen() -> dict[str, object]:
    rows = db.session.execute(select(DeliveryWorker.name, DeliveryWorker.seen_at)).all()
    db.session.commit()
    return {row.name: row.seen_at for row in rows}
