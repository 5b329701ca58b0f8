"""The share of its limits that an origin bears, learnt from its responses (DLV-13).

The share starts at 1. A 429 or 503 halves it, at most once a second; responses that take much longer than
usual reduce it by a fifth; normal responses let it grow by a quarter each second. Each worker process learns
on its own, in memory.
"""

from dataclasses import dataclass

# The smallest share after any number of 429 or 503, and after slow responses.
LEAST, LEAST_WHEN_SLOW = 1 / 32, 1 / 4
_AFTER_REFUSAL, _AFTER_SLOWNESS, _GROWTH_PER_SECOND = 0.5, 0.8, 1.25
_SECOND = 1.0
# Responses are slow if they take this many seconds longer than usual, and twice as long.
_SLOWER = 0.1
# Weights of one response in the recent latency, and in the usual one when it rises or falls.
_RECENT, _RISING, _FALLING = 0.2, 0.01, 0.2
_REFUSALS = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Observation:
    """Evidence of the load that an app bears: the status, if there was a response, and the latency."""

    status: int | None
    latency: float
    # On the monotonic clock.
    at: float
    # Seconds that the app asked us to wait.
    wait: float = 0.0

    @property
    def is_pushing_back(self) -> bool:
        """Whether it asks for fewer requests (rfc6585 §4, rfc9110 §15.6.4)."""
        return self.status in _REFUSALS


@dataclass(slots=True)
class LearnedShare:
    """The part of its limits that one origin is given, between LEAST and 1."""

    share: float = 1.0
    _usual: float | None = None
    _recent: float = 0.0
    _shrunk_at: float = float("-inf")
    _grown_at: float = float("-inf")

    def learn(self, observed: Observation) -> None:
        """Take a response into account."""
        now = observed.at
        if observed.is_pushing_back:
            self._shrink(_AFTER_REFUSAL, LEAST, now)
        elif observed.status is not None:
            self._learn_latency(observed.latency)
            if self._is_slow:
                self._shrink(_AFTER_SLOWNESS, LEAST_WHEN_SLOW, now)
            else:
                self._grow(now)

    @property
    def _is_slow(self) -> bool:
        usual = self._usual or 0.0
        return self._recent > max(2 * usual, usual + _SLOWER)

    def _learn_latency(self, latency: float) -> None:
        if self._usual is None:
            self._usual = self._recent = latency
        self._recent += _RECENT * (latency - self._recent)
        self._usual += (_RISING if latency > self._usual else _FALLING) * (latency - self._usual)

    def _shrink(self, factor: float, least: float, now: float) -> None:
        if self.share > least and now - self._shrunk_at >= _SECOND:
            self.share = max(least, self.share * factor)
            self._shrunk_at = self._grown_at = now

    def _grow(self, now: float) -> None:
        if self.share < 1:
            passed = min(_SECOND, now - self._grown_at)
            self.share = min(1.0, self.share * _GROWTH_PER_SECOND**passed)
        self._grown_at = now
