"""When a failing endpoint is no longer called, and how it comes back (DLV-14): rules without I/O.

An endpoint whose breaker is open is not called; its deliveries wait and lose no attempts. After a while one
worker tries it with one delivery, and then with more and more; other workers wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from provider.delivery.models import REFUSALS, BreakerState, EndpointHealth

FAILURES_IN_A_ROW = 10
WINDOW = timedelta(minutes=5)
LEAST_IN_WINDOW = 10
FAILED_SHARE = 0.7
LONGEST_WAIT_FACTOR = 30


class Transition(Enum):
    """A change of an endpoint's state."""

    OPENED = auto()
    CLOSED = auto()
    # It works again after having been degraded.
    RECOVERED = auto()
    # It has answered with a refusal for the second time.
    REFUSING = auto()
    # It has failed, after having worked.
    FAILING = auto()
    # It has accepted something, after having failed.
    WORKING = auto()


@dataclass(slots=True)
class Tally:
    """One worker's observations of an endpoint since it last stored them."""

    url: str | None = None
    successes: int = 0
    failures: int = 0
    # Failures since the last success.
    in_a_row: int = 0
    # Refusals since the last success.
    refusals: int = 0
    outcome: str | None = None

    def count(self, *, succeeded: bool, url: str, outcome: str) -> None:
        """Count one attempt."""
        self.url = url
        if succeeded:
            self.successes, self.in_a_row, self.refusals = self.successes + 1, 0, 0
        else:
            self.failures, self.in_a_row, self.outcome = self.failures + 1, self.in_a_row + 1, outcome
            self.refusals += outcome in REFUSALS


def take_in(health: EndpointHealth, tally: Tally, now: datetime, first_wait: timedelta) -> Transition | None:
    """Add a tally to an endpoint's row; return the transition if this opened the breaker."""
    _count(health, tally, now)
    match health.state:
        case BreakerState.RECOVERING if tally.failures:
            return _open(health, now, first_wait)
        case BreakerState.OPEN if tally.successes and not tally.in_a_row:
            # An attempt that was under way when the breaker opened has succeeded: a trial may start at once.
            health.open_until = now
        case BreakerState.CLOSED if _is_too_bad(health):
            return _open(health, now, first_wait)
    return None


def transitions_since(health: EndpointHealth, *, was_failing: bool, was_refusing: bool) -> list[Transition]:
    """Return the transitions that a tally has caused besides those of the breaker."""
    made = []
    if was_failing != health.is_failing:
        made.append(Transition.WORKING if was_failing else Transition.FAILING)
    if health.is_refusing and not was_refusing:
        made.append(Transition.REFUSING)
    return made


def close(health: EndpointHealth) -> Transition:
    """Close the breaker: the endpoint has shown that it works."""
    health.state, health.holder, health.open_until, health.trips = BreakerState.CLOSED, None, None, 0
    health.window_started_at, health.window_attempts, health.window_failures = None, 0, 0
    return Transition.CLOSED


def _count(health: EndpointHealth, tally: Tally, now: datetime) -> None:
    if health.window_started_at is None or health.window_started_at <= now - WINDOW:
        health.window_started_at, health.window_attempts, health.window_failures = now, 0, 0
    health.window_attempts += tally.successes + tally.failures
    health.window_failures += tally.failures
    health.url = tally.url
    if tally.successes:
        health.consecutive_failures, health.failing_since = tally.in_a_row, None
        health.refusals = tally.refusals
    else:
        health.consecutive_failures += tally.failures
        health.refusals += tally.refusals
    if tally.failures:
        health.last_failed_at, health.last_outcome = now, tally.outcome
    if tally.in_a_row and health.failing_since is None:
        health.failing_since = now


def _is_too_bad(health: EndpointHealth) -> bool:
    if health.consecutive_failures >= FAILURES_IN_A_ROW:
        return True
    enough = health.window_attempts >= LEAST_IN_WINDOW
    # The latest attempt must have failed as well: an endpoint that has just come back is not shut for its
    # past.
    return (
        enough
        and health.consecutive_failures > 0
        and health.window_failures >= FAILED_SHARE * health.window_attempts
    )


def _open(health: EndpointHealth, now: datetime, first_wait: timedelta) -> Transition:
    wait = first_wait * min(2**health.trips, LONGEST_WAIT_FACTOR)
    health.state, health.holder, health.open_until = BreakerState.OPEN, None, now + wait
    # Beyond the cap of the wait, counting on would change nothing.
    health.trips = min(health.trips + 1, 16)
    return Transition.OPENED
