"""When an endpoint is left in peace, and for how long (DLV-14)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from provider.delivery import breaker
from provider.delivery.breaker import Tally, Transition
from provider.delivery.models import REFUSALS, BreakerState, EndpointHealth
from provider.logout.notice import BACKCHANNEL_LOGOUT

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WAIT = timedelta(seconds=30)


def endpoint(**values: object) -> EndpointHealth:
    counts = {"consecutive_failures": 0, "window_attempts": 0, "window_failures": 0, "trips": 0}
    counts["refusals"] = 0
    return EndpointHealth(
        kind=BACKCHANNEL_LOGOUT, recipient_id=uuid4(), **{"state": BreakerState.CLOSED} | counts | values
    )


def tally(pattern: str) -> Tally:
    """Count results, `+` for a success and `-` for a failure."""
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
        pytest.param("+" * 40 + "-" * 10, True, id="ten in a row after many successes"),
        pytest.param("+++-------", True, id="seven of ten"),
        pytest.param("------+++-", True, id="seven of ten, and the latest has failed"),
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

    assert (red.state, red.trips, red.open_until, red.holder) == (BreakerState.CLOSED, 0, None, None)
    assert (red.window_started_at, red.window_attempts, red.window_failures) == (None, 0, 0)


def test_a_failure_after_a_late_success_leaves_the_wait_as_it_is():
    red = endpoint(state=BreakerState.OPEN, open_until=NOW + WAIT)

    assert breaker.take_in(red, tally("+-"), NOW, WAIT) is None

    assert red.open_until == NOW + WAIT


def test_beyond_the_longest_wait_nothing_is_counted():
    red = endpoint(state=BreakerState.RECOVERING, trips=16)

    assert breaker.take_in(red, tally("-"), NOW, WAIT) is Transition.OPENED

    assert red.trips == 16


def test_a_worker_counts_what_it_has_seen_since_it_last_wrote():
    seen = Tally()
    for succeeded, outcome in [
        (False, "timeout"),
        (True, "accepted"),
        (False, "bad_request"),
        (False, "dns"),
    ]:
        seen.count(succeeded=succeeded, url="https://red.test", outcome=outcome)

    assert seen == Tally(
        url="https://red.test", successes=1, failures=3, in_a_row=2, refusals=1, outcome="dns"
    )
    seen.count(succeeded=False, url="https://red.test/moved", outcome="redirected")
    assert (seen.url, seen.refusals) == ("https://red.test/moved", 2)
    seen.count(succeeded=True, url="https://red.test/moved", outcome="accepted")
    assert (seen.refusals, seen.in_a_row, seen.outcome) == (0, 0, "redirected")


def refused(times: int) -> Tally:
    counted = Tally()
    for _ in range(times):
        counted.count(succeeded=False, url="https://red.test", outcome="bad_request")
    return counted


def test_what_several_workers_saw_within_five_minutes_adds_up():
    red, later = endpoint(), NOW + timedelta(minutes=4)

    breaker.take_in(red, refused(2), NOW, WAIT)
    breaker.take_in(red, refused(3), later, WAIT)

    assert (red.consecutive_failures, red.refusals, red.url) == (5, 5, "https://red.test")
    assert (red.window_started_at, red.window_attempts, red.window_failures) == (NOW, 5, 5)
    assert (red.failing_since, red.last_failed_at, red.last_outcome) == (NOW, later, "bad_request")


def test_a_success_takes_everything_back_but_what_followed_it():
    red = endpoint()
    breaker.take_in(red, refused(5), NOW, WAIT)

    breaker.take_in(red, tally("+"), NOW, WAIT)
    assert (red.consecutive_failures, red.refusals, red.failing_since) == (0, 0, None)
    assert (red.window_attempts, red.window_failures, red.last_outcome) == (6, 5, "bad_request")

    breaker.take_in(red, tally("+--"), NOW + WAIT, WAIT)
    assert (red.consecutive_failures, red.failing_since) == (2, NOW + WAIT)


@pytest.mark.parametrize(
    ("was_failing", "was_refusing", "now_is", "made"),
    [
        pytest.param(False, False, {}, [], id="it works as before"),
        pytest.param(False, False, {"failing_since": NOW}, [Transition.FAILING], id="it has failed"),
        pytest.param(True, False, {}, [Transition.WORKING], id="it works again"),
        pytest.param(True, False, {"failing_since": NOW}, [], id="it fails as before"),
        pytest.param(
            True, False, {"failing_since": NOW, "refusals": 2}, [Transition.REFUSING], id="it refuses"
        ),
        pytest.param(True, True, {"failing_since": NOW, "refusals": 3}, [], id="it refuses as before"),
        pytest.param(True, True, {}, [Transition.WORKING], id="it accepts after it has refused"),
    ],
)
def test_transitions_besides_those_of_the_breaker(was_failing, was_refusing, now_is, made):
    red = endpoint(last_outcome=min(REFUSALS), **now_is)

    assert breaker.transitions_since(red, was_failing=was_failing, was_refusing=was_refusing) == made
