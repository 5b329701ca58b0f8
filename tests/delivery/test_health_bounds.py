"""When what one worker has counted is pressing, forgotten, or the end of a trial (DLV-14)."""

from datetime import timedelta

import pytest
from flask import Flask

from provider.clients.models import Client
from provider.delivery import health
from provider.delivery.breaker import Transition
from provider.delivery.health import Health
from provider.delivery.limiter import Limiter
from provider.delivery.models import BreakerState
from provider.delivery.throttle import RAMP
from provider.infrastructure import clock
from provider.logout.notice import recipient_of
from tests.conftest import TurnedClock
from tests.delivery.knowing_worker import LIMITS, ME, Worker, attempted, row_of
from tests.delivery.owing import sign_out_at
from tests.delivery.rows import endpoint, put
from tests.factories import make_client

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def test_nine_failures_in_a_row_are_not_pressing_and_ten_are(
    red: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_WRITE_EVERY", HOUR.total_seconds())
    worker = Worker()
    worker.saw(make_client("green"), "timeout")
    for _ in range(9):
        worker.health.count(recipient_of(red.id), attempted(red, "timeout"))
    assert worker.health.write_in > 0.0

    worker.health.count(recipient_of(red.id), attempted(red, "timeout"))

    assert worker.health.write_in == 0.0


def test_what_succeeded_before_the_first_window_is_forgotten(red: Client) -> None:
    new = Health(ME, Limiter(LIMITS, slots=1, permits=1), lambda *_: None, dict)
    new.count(recipient_of(red.id), attempted(red, "accepted"))

    new.write()

    assert new._tallies == {}


def test_a_trial_is_over_when_the_endpoint_takes_its_full_load_though_more_is_due(red: Client) -> None:
    sign_out_at(red)
    now = clock.now()
    held = {"state": BreakerState.RECOVERING, "holder": ME}
    endpoint(red.id, **held, open_until=now + HOUR, failing_since=now - HOUR)
    worker = Worker()
    for _ in range(sum(RAMP)):
        permit = worker.limiter.take(recipient_of(red.id), 0.0)
        assert permit
        permit.release(True)

    assert worker.saw(red, "accepted")

    row = row_of(red)
    assert row
    assert row.state == BreakerState.CLOSED


def test_what_works_at_several_origins_opens_a_trial_at_each(red: Client) -> None:
    now, blue = clock.now(), make_client("blue")
    for waiting in sign_out_at(red, blue):
        put(waiting, next_attempt_at=now + HOUR)
    for one in (red, blue):
        held = {"state": BreakerState.OPEN, "open_until": now + HOUR, "failing_since": now - HOUR}
        endpoint(one.id, url=one.registered["backchannel_logout_uri"], **held)
    worker = Worker()
    for name, beside in (("green", "red"), ("other", "blue")):
        works = make_client(name, backchannel_logout_uri=f"https://{beside}.test/{name}")
        worker.health.count(recipient_of(works.id), attempted(works, "accepted"))

    assert worker.health.write()

    rows = [row_of(one) for one in (red, blue)]
    assert [row and row.open_until for row in rows] == [now, now]


def test_the_end_of_failures_that_were_not_reported_is_not_reported_either(red: Client) -> None:
    endpoint(red.id, failing_since=clock.now() - HOUR)
    worker = Worker()

    worker.saw(red, "accepted")

    assert worker.announced == [Transition.WORKING]
