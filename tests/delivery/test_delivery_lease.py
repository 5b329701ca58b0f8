"""Leasing and finishing: no row is owned twice, and only the holder of the latest lease may finish it."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from provider.config import Settings
from provider.delivery import outbox
from provider.delivery.attempt import AttemptResult
from provider.delivery.finish import finish
from provider.delivery.judge import Accepted, Postponed, RetryAt
from provider.delivery.lease import lease_due, own
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.outbox import Owing
from provider.delivery.outgoing import LeasedDelivery, SentRequest
from provider.delivery.selection import Capacity
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from tests.conftest import TurnedClock
from tests.delivery.owing import attempts_of, notice_of, now_is, owe, sign_out_at
from tests.delivery.permits import without_limit
from tests.factories import make_account, make_client


def lease(limit: int = 10) -> list[LeasedDelivery]:
    """Lease without a limit for any app."""
    with transaction():
        lease = lease_due(Capacity(limit, limit), without_limit, [BACKCHANNEL_LOGOUT], "worker")
    return [leased for leased, _ in lease.taken]


def accepted() -> AttemptResult:
    sent = SentRequest(
        url="https://red.test", jti="j", name="red", outcome="accepted", status=200, latency_ms=7
    )
    return AttemptResult(Accepted("accepted"), sent)


def finish_now(leased: LeasedDelivery, report: AttemptResult) -> bool:
    with transaction():
        return bool(finish([(leased, report)]))


def test_a_claim_counts_the_attempt_and_writes_it_down_before_anything_is_sent(app: Flask) -> None:
    delivery = owe()

    [leased] = lease()

    assert leased.id == delivery.id
    assert leased.attempt_number == now_is(delivery).attempt_count == 1
    [attempt] = attempts_of(delivery)
    assert (attempt.number, attempt.finished_at) == (1, None)


def test_what_is_put_off_meanwhile_is_owned_only_to_be_ended(app: Flask) -> None:
    delivery, now = owe(), clock.now()
    with transaction():
        later = now + timedelta(minutes=1)
        change(update(Delivery).where(Delivery.id == delivery.id).values(next_attempt_at=later))

    with transaction():
        assert own([delivery.id], now, "worker") == []
        assert [one.id for one in own([delivery.id], now, "worker", due=False)] == [delivery.id]


def test_a_claimed_delivery_is_not_claimed_again_while_the_lease_lasts(app: Flask) -> None:
    owe()

    assert len(lease()) == 1
    assert lease() == []


def test_a_delivery_is_free_again_when_its_lease_has_expired(app: Flask, turned_clock: TurnedClock) -> None:
    owe()
    [first] = lease()

    turned_clock.turn(timedelta(seconds=61))
    [second] = lease()

    assert second.attempt_number == 2
    assert second.lease_token != first.lease_token


def test_a_lost_lease_is_distinguished_from_a_later_one_of_the_same_worker(
    app: Flask, turned_clock: TurnedClock
) -> None:
    delivery = owe()
    [zombie] = lease()
    turned_clock.turn(timedelta(seconds=61))
    [holder] = lease()

    # A worker that a slow database held up writes both down at once.
    with transaction():
        ours = finish([(holder, accepted()), (zombie, accepted())])

    assert ours == {holder}
    assert [attempt.outcome for attempt in attempts_of(delivery)] == [None, "accepted"]
    assert now_is(delivery).attempt_count == 2


def test_a_zombie_changes_nothing(app: Flask, turned_clock: TurnedClock) -> None:
    delivery = owe()
    [zombie] = lease()
    turned_clock.turn(timedelta(seconds=61))
    [living] = lease()

    assert finish_now(zombie, accepted()) is False

    assert now_is(delivery).state == DeliveryState.PENDING
    assert [attempt.outcome for attempt in attempts_of(delivery)] == [None, None]
    assert finish_now(living, accepted()) is True
    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_a_delivery_that_is_not_due_is_not_claimed(app: Flask) -> None:
    delivery = owe()
    [leased] = lease()
    at = clock.now() + timedelta(seconds=30)

    finish_now(leased, AttemptResult(RetryAt(at, "timeout"), accepted().sent))

    assert now_is(delivery).next_attempt_at == at
    assert lease() == []


def test_what_was_never_sent_is_no_attempt(app: Flask) -> None:
    delivery = owe()
    [leased] = lease()

    finish_now(leased, AttemptResult(Postponed(clock.now())))

    assert now_is(delivery).attempt_count == 0
    assert attempts_of(delivery) == []
    assert lease()[0].attempt_number == 1


def test_urgent_deliveries_go_first_then_the_longest_waiting(app: Flask) -> None:
    old, young, urgent = sign_out_at(make_client("red"), make_client("green"), make_client("blue"))
    for delivery, values in (
        (old, {"next_attempt_at": old.next_attempt_at - timedelta(hours=1)}),
        (young, {"priority": 1}),
        (urgent, {"priority": 0}),
    ):
        with transaction():
            change(update(Delivery).where(Delivery.id == delivery.id).values(**values))

    leased = [one.id for limit in (2, 2) for one in lease(limit)]

    assert leased == [urgent.id, old.id, young.id]


def test_one_logout_owes_each_client_session_one_row_however_often_it_is_written(app: Flask) -> None:
    delivery = owe()
    original = notice_of(delivery)

    again = original.owed_to(delivery.recipient_id, delivery.subject_key)

    with pytest.raises(IntegrityError), transaction():
        outbox.enqueue([Owing(again, delivery.cause_id, 1)], at=clock.now(), horizon=timedelta(hours=72))


class TestAtOnce:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Workers lease, and wait for SQLite's one writer without a web process's deadline."""
        return replace(settings, database_deadline=timedelta(minutes=1))

    def test_many_claimers_never_own_the_same_row(self, app: Flask) -> None:
        owed = sign_out_at(make_client("red"), make_client("green"), account=make_account("ada"), count=30)
        leased: list[UUID] = []
        start = threading.Barrier(6)

        def lease_all() -> None:
            start.wait()
            with app.app_context():
                while batch := lease(limit=3):
                    leased.extend(one.id for one in batch)

        threads = [threading.Thread(target=lease_all) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        # A worker may find nothing while the others hold the rows, so what is left is taken at the end.
        leased += [one.id for one in lease(limit=100)]
        assert Counter(leased) == Counter(delivery.id for delivery in owed)
