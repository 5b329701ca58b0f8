"""The time that a sign-out waits for its apps, and its response then (DEC-02)."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.infrastructure import current
from provider.infrastructure.database import change, db, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.notification.budget import _waits_among, await_first_attempts, share_threads
from provider.logout.steps import Cause, LogoutOutcome
from tests.factories import make_account, make_client, make_session
from tests.support.waiting import wait_until
from tests.support.wake_ups import RecordingWakeUps

SHORT, LONG = timedelta(milliseconds=200), timedelta(seconds=2)


@pytest.fixture
def signed_out(app):
    """Sign Ada out of so many apps; a worker was woken or not."""

    def sign_out(*, apps: int = 2, woken: bool = True, budget: timedelta = LONG) -> LogoutOutcome:
        settings = replace(current.settings(), notify_budget=budget)
        wake_ups = RecordingWakeUps(reach_a_worker=woken)
        current.install(app, replace(current.services(), settings=settings, wake_ups=wake_ups))
        made = make_session(make_account("ada"), [make_client(f"app{number}") for number in range(apps)])
        with transaction():
            outcome = end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))
        assert outcome is not None
        return outcome

    return sign_out


def set_deliveries(**values) -> None:
    with transaction():
        change(update(Delivery).values(**values))


@pytest.mark.parametrize(("apps", "confirmed"), [(0, True), (1, False), (2, False)])
def test_without_a_worker_there_is_nothing_to_wait_for(signed_out, apps, confirmed):
    assert await_first_attempts(signed_out(apps=apps, woken=False)) is confirmed


def test_it_waits_no_longer_than_the_budget(signed_out):
    outcome, begun = signed_out(budget=SHORT), time.monotonic()

    assert not await_first_attempts(outcome)

    assert time.monotonic() - begun >= SHORT.total_seconds()


@pytest.mark.parametrize(("state", "confirmed"), [("pending", False), ("expired", False), ("accepted", True)])
def test_it_answers_as_soon_as_every_app_was_tried(signed_out, statements, state, confirmed):
    outcome = signed_out(apps=1)
    set_deliveries(state=state, last_outcome="unavailable")

    with statements() as seen:
        assert await_first_attempts(outcome) is confirmed

    assert len(seen) == 1


def held(outcome: LogoutOutcome, state: BreakerState, kind: str = BACKCHANNEL_LOGOUT) -> None:
    """Let the endpoints of a logout's apps have a breaker in this state."""
    with transaction():
        db.session.add_all(
            EndpointHealth(kind=kind, recipient_id=one, state=state) for one in outcome.clients_to_notify
        )


@pytest.mark.parametrize(
    ("state", "is_waited_for"),
    [(BreakerState.OPEN, False), (BreakerState.RECOVERING, False), (BreakerState.CLOSED, True)],
    ids=["open", "recovering", "closed"],
)
def test_it_does_not_wait_for_apps_whose_breaker_holds_them_back(
    signed_out, statements, state, is_waited_for
):
    outcome = signed_out(budget=SHORT)
    held(outcome, state)

    with statements() as seen:
        assert not await_first_attempts(outcome)

    assert (len(seen) > 1) is is_waited_for


def test_the_breaker_of_another_kind_holds_no_notification_back(signed_out, statements):
    outcome = signed_out(budget=SHORT)
    held(outcome, BreakerState.OPEN, kind="weather")

    with statements() as seen:
        assert not await_first_attempts(outcome)

    assert len(seen) > 1


def test_the_breaker_of_another_app_holds_no_notification_back(signed_out, statements):
    outcome = signed_out(apps=1, budget=SHORT)
    other = make_client("another")
    with transaction():
        db.session.add(
            EndpointHealth(kind=BACKCHANNEL_LOGOUT, recipient_id=other.id, state=BreakerState.OPEN)
        )

    with statements() as seen:
        assert not await_first_attempts(outcome)

    assert len(seen) > 1


def test_an_app_that_used_up_a_budget_is_not_waited_for_again(signed_out, statements):
    outcome = signed_out(budget=SHORT)
    assert not await_first_attempts(outcome)

    with statements() as seen:
        assert not await_first_attempts(outcome)

    assert len(seen) == 1


@pytest.mark.parametrize(("threads", "waits"), [(1, 1), (2, 1), (7, 3), (16, 8)])
def test_at_most_half_of_the_threads_wait(threads, waits):
    slots = _waits_among(threads).slots

    assert [slots.acquire(blocking=False) for _ in range(waits + 1)] == [True] * waits + [False]


@pytest.mark.parametrize(("apps", "confirmed"), [(0, True), (1, False)])
def test_without_a_slot_to_wait_it_says_how_it_stands(signed_out, apps, confirmed):
    outcome = signed_out(apps=1)
    share_threads(2)
    if not apps:
        set_deliveries(state="accepted")
    slots = current.services().memo["sign_out_waits"].slots

    with slots:
        assert await_first_attempts(outcome) is confirmed


def test_a_sign_out_that_finds_half_of_the_threads_waiting_does_not_wait(app, signed_out, statements):
    outcome = signed_out(budget=LONG)
    share_threads(2)

    def wait() -> None:
        with app.app_context():
            await_first_attempts(outcome)

    other = threading.Thread(target=wait)
    with statements() as seen:
        other.start()
        wait_until(lambda: seen)
    assert not await_first_attempts(outcome)
    is_waiting = other.is_alive()
    set_deliveries(state="accepted", last_outcome="accepted")
    other.join()

    assert is_waiting
