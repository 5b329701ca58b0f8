"""Leases of a worker that was killed are free at once for the others."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from provider.delivery.abandoned import free_leases_of, free_trials_of
from provider.delivery.attempt import AttemptResult
from provider.delivery.finish import finish
from provider.delivery.judge import Accepted
from provider.delivery.lease import lease_due
from provider.delivery.models import BreakerState, DeliveryState, EndpointHealth
from provider.delivery.outgoing import LeasedDelivery
from provider.delivery.selection import Capacity
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from tests.conftest import TurnedClock
from tests.delivery.health_rows import open_breaker
from tests.delivery.owing import attempts_of, now_is, owe, sign_out_at
from tests.delivery.permits import without_limit
from tests.factories import make_client


def lease(holder: str, limit: int = 10) -> list[LeasedDelivery]:
    with transaction():
        lease = lease_due(Capacity(limit, limit), without_limit, [BACKCHANNEL_LOGOUT], holder)
    return [leased for leased, _ in lease.taken]


def free(holder: str) -> int:
    with transaction():
        return free_leases_of(holder)


def test_what_a_killed_worker_held_is_claimed_at_once(app: Flask) -> None:
    delivery = owe()
    [held] = lease("killed")
    assert lease("living") == []

    assert free("killed") == 1

    [leased] = lease("living")
    assert (leased.id, leased.attempt_number) == (delivery.id, 2)
    assert leased.lease_token != held.lease_token


def test_the_interrupted_attempt_stays_counted(app: Flask) -> None:
    delivery = owe()
    lease("killed")
    free("killed")

    [leased] = lease("living")

    assert (leased.crashes, len(attempts_of(delivery))) == (1, 2)


def test_claims_of_other_workers_are_left_alone(app: Flask) -> None:
    red, green = sign_out_at(make_client("red"), make_client("green"))
    [first] = lease("killed", limit=1)
    [second] = lease("living", limit=1)

    assert free("killed") == 1

    assert {first.id, second.id} == {red.id, green.id}
    assert now_is(red if second.id == red.id else green).lease_token == second.lease_token
    assert [one.id for one in lease("living")] == [first.id]


def test_what_was_recorded_before_is_not_sent_again(app: Flask) -> None:
    delivery = owe()
    [held] = lease("killed")
    with transaction():
        finish([(held, AttemptResult(Accepted("accepted")))])

    assert free("killed") == 0

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_a_late_result_of_a_worker_whose_claims_were_freed_changes_nothing(app: Flask) -> None:
    delivery = owe()
    [held] = lease("killed")
    free("killed")

    with transaction():
        assert finish([(held, AttemptResult(Accepted("accepted")))]) == set()

    assert now_is(delivery).state == DeliveryState.PENDING


@pytest.mark.parametrize(
    ("state", "holder", "is_due"),
    [
        pytest.param(BreakerState.RECOVERING, "killed", True, id="it was trying the endpoint"),
        pytest.param(BreakerState.RECOVERING, "living", False, id="another worker tries it"),
        pytest.param(BreakerState.OPEN, None, False, id="it is not called by any worker"),
    ],
)
def test_a_trial_that_a_killed_worker_made_is_due_at_once(
    app: Flask, turned_clock: TurnedClock, state: BreakerState, holder: str | None, is_due: bool
) -> None:
    until = turned_clock() + timedelta(minutes=1)
    open_breaker(make_client("red"), holder, until)

    with transaction():
        assert free_trials_of("killed") == is_due

    [health] = db.session.scalars(select(EndpointHealth), execution_options={"populate_existing": True})
    assert (health.state, health.open_until) == (state, turned_clock() if is_due else until)


def test_an_open_breaker_stays_open_after_the_trying_worker_stops(
    app: Flask, turned_clock: TurnedClock
) -> None:
    until = turned_clock() + timedelta(minutes=1)
    open_breaker(make_client("red"), "killed", until)
    with transaction():
        change(update(EndpointHealth).values(state=BreakerState.OPEN))

    with transaction():
        assert free_trials_of("killed") == 0
