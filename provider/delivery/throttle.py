"""Counters in memory for one endpoint, and for the limits that several endpoints share."""

import math
from collections import deque
from dataclasses import dataclass, field

from provider.delivery.learned_share import LearnedShare, Observation

# Attempts at once in each stage; after as many successes the next stage follows (DLV-14), and then the
# endpoint's whole limit.
RAMP = (1, 5, 25)
_SECOND = 1.0
# A delivery that was answered waits by its own schedule. A delivery that an operator resends, and others for
# the same app, wait no longer than this.
_LONGEST_PAUSE = 10.0


@dataclass(slots=True)
class Throttle:
    """Attempts in flight to one target, and the times of the latest starts."""

    in_flight: int = 0
    # Those of them that have been without a response for so long that they have lost their slots.
    stalled: int = 0
    starts: "deque[float]" = field(default_factory=deque)

    def room(self, concurrency: int, rate: float, now: float) -> int:
        """Return how many more may be started now."""
        # Less than one a second is one in several seconds.
        window, limit = (_SECOND, int(rate)) if rate >= 1 else (_SECOND / rate, 1)
        while self.starts and self.starts[0] <= now - window:
            self.starts.popleft()
        return min(concurrency - self.in_flight, limit - len(self.starts))

    def next_room_at(self, rate: float) -> float | None:
        """Return when the oldest start no longer counts, if the rate leaves no room; else None."""
        window = _SECOND if rate >= 1 else _SECOND / rate
        return self.starts[0] + window if len(self.starts) >= max(1, int(rate)) else None

    def forget(self, start: float) -> None:
        """Take back a start after which nothing was sent."""
        if start in self.starts:
            self.starts.remove(start)


@dataclass(slots=True)
class OriginThrottle(Throttle):
    """The counters of one origin of the operator's clients, and the share of its limits that it bears."""

    learned: LearnedShare = field(default_factory=LearnedShare)


@dataclass(slots=True)
class EndpointThrottle(Throttle):
    """The counters of one recipient's endpoint."""

    stage: int = 0
    successes: int = 0
    # The address of the latest request.
    address: str | None = None
    # Whether the latest response was slow, or has not come yet although it should have.
    is_slow: bool = False
    # Whether an attempt has stalled and no response has come since.
    is_silent: bool = False
    # Until when it asked us to wait.
    paused_until: float = 0.0

    @property
    def is_proven(self) -> bool:
        """Whether the latest attempts succeeded, and quickly."""
        return self.stage > 0 and not self.is_slow

    @property
    def is_at_full(self) -> bool:
        """Whether the endpoint has reached the top of the ramp."""
        return self.stage >= len(RAMP)

    @property
    def concurrency(self) -> float:
        """The number of attempts that may be under way, by the capacity that the endpoint has shown."""
        return math.inf if self.is_at_full else RAMP[self.stage]

    def is_paused(self, now: float) -> bool:
        """Return whether it asked us to wait, and the time is not over."""
        if self.paused_until <= now:
            self.paused_until = 0.0
        return self.paused_until > 0

    def pause(self, observed: Observation) -> None:
        """Pause for as long as the response asks, if it asks for fewer requests."""
        if observed.is_pushing_back and observed.wait > 0:
            self.paused_until = observed.at + min(observed.wait, _LONGEST_PAUSE)

    def learn(self, *, succeeded: bool) -> None:
        """Go up the ramp after a success, and back to its foot after a failure."""
        if not succeeded:
            self.stage = self.successes = 0
        elif not self.is_at_full:
            self.successes += 1
            if self.successes >= RAMP[self.stage]:
                self.stage, self.successes = self.stage + 1, 0


@dataclass(slots=True)
class Pool:
    """The use of a shared limit: permits that need a slot, and stalled ones."""

    active: int = 0
    stalled: int = 0
