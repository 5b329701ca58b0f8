"""When evidence that an app is alive opens a trial of its endpoint, and for which delivery (DLV-14)."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from provider.clients.models import Client
from provider.delivery import evidence
from provider.delivery.models import BreakerState, DeliveryState, EndpointHealth
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import recipient_of
from tests.conftest import TurnedClock
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.rows import endpoint, leased, put
from tests.factories import make_account, make_client
from tests.support.losing_database import database_lost_once
from tests.support.wake_ups import RecordingWakeUps

SPACING = timedelta(seconds=30)
HOUR = timedelta(hours=1)
A_MOMENT = timedelta(microseconds=1)
NEVER, NOW = None, timedelta(0)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


@pytest.fixture
def wake_ups(app: Flask) -> RecordingWakeUps:
    wake_ups = RecordingWakeUps()
    current.install(app, replace(current.services(), wake_ups=wake_ups))
    return wake_ups


def failing(state: BreakerState, opens_in: timedelta | None = None, asked: timedelta | None = None) -> dict:
    """An endpoint that fails; `opens_in` says when it is tried anyway, `asked` how long ago it was."""
    now = clock.now()
    return {
        "state": state,
        "failing_since": now - HOUR,
        "open_until": now + opens_in if opens_in is not None else None,
        "trial_asked_at": now - asked if asked is not None else None,
    }


def test_the_spacing_of_trials_is_the_first_wait_of_a_breaker() -> None:
    assert current.settings().endpoint_probe_wait == SPACING


CLOSED, OPEN = BreakerState.CLOSED, BreakerState.OPEN


@pytest.mark.parametrize(
    ("about", "in_"),
    [
        pytest.param((CLOSED,), NOW, id="it is called, but what it is owed may wait for hours"),
        pytest.param((CLOSED, None, SPACING), NOW, id="it was asked for a while ago"),
        pytest.param((CLOSED, None, SPACING - A_MOMENT), NEVER, id="it was asked for just now"),
        pytest.param((OPEN, HOUR), NOW, id="it is not called for an hour"),
        pytest.param((OPEN, HOUR, SPACING), NOW, id="it is not called, and was asked for a while ago"),
        pytest.param((OPEN, HOUR, SPACING / 3), SPACING * 2 / 3, id="it was asked for not long ago"),
        pytest.param((OPEN, NOW), NEVER, id="it is tried now anyway"),
        pytest.param((OPEN, SPACING / 3, SPACING / 3), NEVER, id="it is tried before that anyway"),
        pytest.param((OPEN,), NEVER, id="it is tried at once anyway"),
        pytest.param((BreakerState.RECOVERING, HOUR), NEVER, id="it is being tried"),
    ],
)
def test_an_endpoint_that_fails_is_worth_a_trial(about: tuple, in_: timedelta | None) -> None:
    now = clock.now()

    at = evidence.trial_at(EndpointHealth(**failing(*about)), now)

    assert (at - now if at else None) == in_


def test_an_endpoint_that_works_needs_no_trial() -> None:
    works = failing(OPEN, HOUR) | {"failing_since": None}

    assert evidence.trial_at(EndpointHealth(**works), clock.now()) is None


def open_trial(client: Client) -> bool:
    with transaction():
        return evidence.open_trial(recipient_of(client.id))


def health_of(client: Client) -> tuple[str, datetime | None, str | None, datetime | None]:
    row = db.session.get_one(EndpointHealth, recipient_of(client.id), populate_existing=True)
    db.session.commit()
    return row.state, row.open_until, row.holder, row.trial_asked_at


class TestOpeningATrial:
    def test_the_first_that_waits_is_due_and_a_worker_is_woken(
        self, red: Client, wake_ups: RecordingWakeUps
    ) -> None:
        now = clock.now()
        later, urgent, soonest, accepted, attempted = sign_out_at(red, count=5)
        other = sign_out_at(make_client("green"), account=make_account("ben"))[0]
        wake_ups.sent.clear()
        put(later, next_attempt_at=now + 3 * HOUR, priority=1)
        put(urgent, next_attempt_at=now + 2 * HOUR, priority=0)
        put(soonest, next_attempt_at=now + HOUR, priority=1)
        put(accepted, next_attempt_at=now, priority=0, state=DeliveryState.ACCEPTED)
        put(leased(attempted), next_attempt_at=now, priority=0)
        put(other, next_attempt_at=now + HOUR, priority=0)
        endpoint(red.id, **failing(OPEN, HOUR), holder="another")

        assert open_trial(red)

        assert health_of(red) == ("open", now, None, now)
        waits = [now_is(one).next_attempt_at - now for one in (later, urgent, soonest, other)]
        assert waits == [3 * HOUR, NOW, HOUR, HOUR]
        assert wake_ups.sent == [str(urgent.id)]

    def test_of_two_that_are_as_urgent_the_one_that_waits_longer_is_the_first(
        self, red: Client, wake_ups: RecordingWakeUps
    ) -> None:
        now = clock.now()
        later, sooner = sign_out_at(red, count=2)
        put(later, next_attempt_at=now + 2 * HOUR)
        put(sooner, next_attempt_at=now + HOUR)
        endpoint(red.id, **failing(OPEN, HOUR))
        wake_ups.sent.clear()

        assert open_trial(red)

        assert wake_ups.sent == [str(sooner.id)]
        assert now_is(sooner).next_attempt_at == now

    def test_a_trial_that_comes_later_leaves_the_instant_of_the_one_before(self, red: Client) -> None:
        now = clock.now()
        (waiting,) = sign_out_at(red)
        put(waiting, next_attempt_at=now + HOUR)
        endpoint(red.id, **failing(OPEN, HOUR, SPACING / 3))

        assert open_trial(red)

        at = now + SPACING * 2 / 3
        assert health_of(red) == ("open", at, None, now - SPACING / 3)
        assert now_is(waiting).next_attempt_at == at

    def test_what_is_due_before_keeps_its_instant(self, red: Client) -> None:
        now = clock.now()
        (waiting,) = sign_out_at(red)
        put(waiting, next_attempt_at=now - HOUR)
        endpoint(red.id, **failing(OPEN, HOUR))

        assert open_trial(red)

        assert now_is(waiting).next_attempt_at == now - HOUR

    @pytest.mark.parametrize(
        ("due_in", "opens"),
        [pytest.param(SPACING, False, id="soon"), pytest.param(SPACING + A_MOMENT, True, id="later")],
    )
    def test_without_a_breaker_it_is_opened_for_what_would_wait_longer(
        self, red: Client, due_in: timedelta, opens: bool
    ) -> None:
        now = clock.now()
        (waiting,) = sign_out_at(red)
        put(waiting, next_attempt_at=now + due_in)
        endpoint(red.id, **failing(CLOSED))

        assert open_trial(red) == opens

        assert health_of(red) == (("open", now, None, now) if opens else ("closed", None, None, None))

    def test_it_is_decided_by_the_row_as_it_is_now(self, red: Client) -> None:
        (waiting,) = sign_out_at(red)
        put(waiting, next_attempt_at=clock.now() + HOUR)
        endpoint(red.id, **failing(CLOSED) | {"failing_since": None})

        with transaction():
            known = db.session.get_one(EndpointHealth, recipient_of(red.id))
            assert not known.is_failing
            change(update(EndpointHealth).values(failing(OPEN, HOUR)))
            assert evidence.open_trial(recipient_of(red.id))

        assert health_of(red)[1] == clock.now()

    def test_nothing_is_opened_where_nothing_waits_or_nothing_fails(self, red: Client) -> None:
        assert not open_trial(red)
        endpoint(red.id, **failing(OPEN, HOUR))

        assert not open_trial(red)

        assert health_of(red)[1] == clock.now() + HOUR


class TestNotes:
    def test_they_are_acted_on_once(self, red: Client, wake_ups: RecordingWakeUps) -> None:
        (waiting,) = sign_out_at(red)
        put(waiting, next_attempt_at=clock.now() + HOUR)
        endpoint(red.id, **failing(OPEN, HOUR))
        wake_ups.sent.clear()
        evidence.act_on_notes()
        assert wake_ups.sent == []

        evidence.note(recipient_of(red.id))
        evidence.note(recipient_of(red.id))
        evidence.act_on_notes()
        evidence.act_on_notes()

        assert wake_ups.sent == [str(waiting.id)]

    def test_a_database_that_is_away_is_logged_and_fails_no_request(
        self, red: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "curfew")
        evidence.note(recipient_of(red.id))

        with database_lost_once("unreachable", at="SELECT endpoint_health"):
            evidence.act_on_notes()

        [line] = [one for one in caplog.records if one.message == "evidence_of_life_not_noted"]
        assert line.levelname == "WARNING"
        assert line.fields == {"kind": "OperationalError"}  # type: ignore[attr-defined]
