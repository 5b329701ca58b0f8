"""Cancelling, sending again and forgetting: the deliveries that they take and those that they leave."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from provider.delivery.cancel import cancel
from provider.delivery.models import Delivery, DeliveryAttempt, DeliveryState
from provider.delivery.prune import prune_finished
from provider.delivery.resend import resend, resend_many, take_up_rejected
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from tests.conftest import TurnedClock
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.rows import MINUTE, leased, put
from tests.factories import make_account, make_client


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


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
