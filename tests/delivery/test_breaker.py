"""When an endpoint is left in peace, and for how long (DLV-14)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from provider.delivery import breaker
from provider.delivery.breaker import Tally, Transition
from provider.delivery.models import BreakerState, EndpointHealth

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WAIT = timedelta(seconds=30)


def endpoint(**values: object) -> EndpointHealth:
    counts = {"consecutive_failures": 0, "window_attempts": 0, "window_failures": 0, "trips": 0}
    counts["refusals"] = 0
    return EndpointHealth(client_id=uuid4(), **{"state": BreakerState.CLOSED} | counts | values)


def tally(pattern: str) -> Tally:
    """What was seen, `+` for a success and `-` for a failure."""
    counted = Tally()
    for one in pattern:
        counted.count(succeeded=one == "+", url="https://red.test", outcome="timeout")
    return counted


@pytest.mark.parametrize(
    ("pattern", "opens"),
    [
        pytest.param("-" * 10, True, id="ten failures in a row"),
        pytest.param("-" * 9, False, id="nine failures in a row"),
        pytest.param("++++" + "-" * 9, False, id="nine of thirteen"),
        pytest.param("+++-------", True, id="seven of ten"),
        pytest.param("++++------", False, id="six of ten"),
        pytest.param("+-------++", False, id="seven of ten, but it works again"),
        pytest.param("+" * 40 + "-" * 9, False, id="nine of many"),
    ],
)
def test_what_opens_a_breaker(pattern, opens):
    red = endpoint()

    turn = breaker.take_in(red, tally(pattern), NOW, WAIT)

    assert (turn is Transition.OPENED) == opens
    assert (red.state == BreakerState.OPEN) == opens


def test_failures_of_several_workers_add_up():
    red = endpoint()

    turns = [breaker.take_in(red, tally("-----"), NOW, WAIT) for _ in range(2)]

    assert turns == [None, Transition.OPENED]
    assert red.open_until == NOW + WAIT


def test_what_lies_more_than_five_minutes_back_is_forgotten():
    red = endpoint()
    breaker.take_in(red, tally("+-----"), NOW, WAIT)

    later = NOW + timedelta(minutes=5)
    assert breaker.take_in(red, tally("+---"), later, WAIT) is None

    assert (red.window_attempts, red.window_failures) == (4, 3)


def test_the_wait_doubles_up_to_a_quarter_of_an_hour():
    red = endpoint()
    breaker.take_in(red, tally("-" * 10), NOW, WAIT)

    waits = []
    for _ in range(7):
        assert red.open_until
        waits.append(red.open_until - NOW)
        red.state = BreakerState.RECOVERING
        assert breaker.take_in(red, tally("-"), NOW, WAIT) is Transition.OPENED

    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes == [0.5, 1, 2, 4, 8, 15, 15]


def test_one_that_comes_through_late_allows_a_trial_at_once():
    red = endpoint(state=BreakerState.OPEN, open_until=NOW + WAIT)

    assert breaker.take_in(red, tally("+"), NOW, WAIT) is None

    assert red.open_until == NOW
    assert red.failing_since is None


def test_a_closed_breaker_remembers_nothing():
    red = endpoint()
    breaker.take_in(red, tally("-" * 10), NOW, WAIT)

    assert breaker.close(red) is Transition.CLOSED

    assert (red.state, red.trips, red.open_until, red.window_attempts) == (BreakerState.CLOSED, 0, None, 0)
