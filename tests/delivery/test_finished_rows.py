"""The rows that a worker owns, what its results leave in them, and whom it tells that they are written."""

import math
import threading
import time
from contextlib import nullcontext
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from provider.delivery.attempt import AttemptResult
from provider.delivery.finish import finish
from provider.delivery.judge import Accepted, Outcome, RetryAt
from provider.delivery.lease import own
from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.delivery.outgoing import Cancelled, LeasedDelivery
from provider.delivery.resend import resend
from provider.delivery.results import Results
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from tests.conftest import TurnedClock
from tests.delivery.health_rows import open_breaker
from tests.delivery.owing import now_is, owe, sign_out_at
from tests.factories import make_client

SOON = timedelta(seconds=20)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def lease(delivery: Delivery, unfinished: int = 0) -> LeasedDelivery:
    with transaction():
        change(update(Delivery).values(unfinished_attempts=unfinished))
        [leased] = own([delivery.id], clock.now(), "me", due=False)
    return leased


@pytest.mark.parametrize(
    ("outcome", "unfinished"),
    [(Outcome.CRASHED, 1), (Outcome.UNAVAILABLE, 0)],
    ids=["one that waits for its crashes may crash once more", "any other result forgets them"],
)
def test_unfinished_attempts(outcome: Outcome, unfinished: int) -> None:
    leased = lease(owe(), unfinished=3)
    assert leased.unfinished_attempts == 4

    with transaction():
        finish([(leased, AttemptResult(RetryAt(clock.now() + SOON, outcome)))])

    row = now_is(db.session.get_one(Delivery, leased.id))
    assert (row.unfinished_attempts, row.last_outcome) == (unfinished, outcome)
    assert (row.cancel_reason, row.next_attempt_at) == (None, clock.now() + SOON)


def test_one_that_is_cancelled_says_why() -> None:
    leased = lease(owe())

    with transaction():
        finish([(leased, AttemptResult(Cancelled("moved away")))])

    row = now_is(db.session.get_one(Delivery, leased.id))
    assert (row.state, row.cancel_reason, row.finished_at) == ("cancelled", "moved away", clock.now())


def test_what_is_not_due_is_owned_only_by_those_that_say_so() -> None:
    delivery = owe()
    with transaction():
        change(update(Delivery).values(next_attempt_at=clock.now() + SOON))

        assert own([delivery.id], clock.now(), "me") == []
        assert [one.id for one in own([delivery.id], clock.now(), "me", due=False)] == [delivery.id]


def test_sending_again_lets_the_endpoint_of_that_client_alone_be_tried() -> None:
    red, green = make_client("red"), make_client("green")
    to_red, _ = sign_out_at(red, green)
    until = clock.now() + timedelta(hours=1)
    for client in (red, green):
        open_breaker(client, None, until)

    with transaction():
        resend(to_red)

    db.session.expire_all()
    rows = [db.session.get_one(EndpointHealth, (BACKCHANNEL_LOGOUT, client.id)) for client in (red, green)]
    assert [row.open_until for row in rows] == [clock.now(), until]
    assert {row.state for row in rows} == {BreakerState.OPEN}


def test_sending_again_leaves_a_trial_to_the_worker_that_has_begun_it() -> None:
    red = make_client("red")
    [to_red] = sign_out_at(red)
    until = clock.now() + timedelta(minutes=1)
    open_breaker(red, "another worker", until)

    with transaction():
        resend(to_red)

    db.session.expire_all()
    row = db.session.get_one(EndpointHealth, (BACKCHANNEL_LOGOUT, red.id))
    assert (row.state, row.holder, row.open_until) == (BreakerState.RECOVERING, "another worker", until)


class Writing:
    """Notes whether something was still to be written each time it got results."""

    def __init__(self) -> None:
        self.busy: list[bool] = []
        self.results = Results(lambda ended: None, nullcontext(), self._tell)

    def _tell(self) -> None:
        self.busy.append(self.results.is_busy)


def test_the_owner_is_notified_once_everything_is_written() -> None:
    writing = Writing()
    leased = lease(owe())

    writing.results.add(leased, AttemptResult(Accepted("accepted")))
    writing.results.close()

    # Once for what is due next, and once more when nothing is left.
    assert writing.busy == [True, False]


def test_an_attempt_that_was_put_off_is_known_to_be_due() -> None:
    writing, begun = Writing(), time.monotonic()
    leased = lease(owe())

    writing.results.add(leased, AttemptResult(RetryAt(clock.now() + SOON, "timeout")))
    writing.results.close()

    due_at = writing.results.next_due_at(begun)
    assert begun + 20 <= due_at < time.monotonic() + 20.05
    assert writing.results.next_due_at(due_at) == math.inf


def test_a_result_is_to_be_written_from_the_moment_it_is_added() -> None:
    leased, hold = lease(owe()), threading.Lock()
    held = Results(lambda ended: None, hold, lambda: None)

    with hold:
        held.add(leased, AttemptResult(Accepted("accepted")))
        assert (held.is_busy, held.unwritten) == (True, 1)
    held.close()

    assert (held.is_busy, held.unwritten) == (False, 0)
