"""Moving windows counted in this process.

The library's own storage starts a thread for each attempt, which looks through the attempts under all keys.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from limits import RateLimitItem

# How often keys without counted attempts are removed.
_SWEEP_SECONDS = 60.0


class WindowStats(NamedTuple):
    """When the oldest attempt in a window leaves it, and how many more are within the limit now."""

    reset_time: float
    remaining: int


class Step(NamedTuple):
    """An attempt under a key: counted unless it exceeds the limit, or only checked."""

    item: "RateLimitItem"
    key: tuple[str, ...]
    # The number of attempts that it counts as.
    cost: int = 1
    counts: bool = True


class _Window(NamedTuple):
    span: int
    # The instants of the attempts, oldest first.
    attempts: deque[float]

    def forget_before(self, instant: float) -> None:
        while self.attempts and self.attempts[0] < instant:
            self.attempts.popleft()


class LocalWindows:
    """The attempts under each key within the span of its limit."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()
        self._next_sweep = 0.0

    def first_refused(self, steps: Sequence[Step]) -> int | None:
        """Take steps in order up to the first that exceeds its limit; returns its index, or None."""
        now = time.time()
        with self._lock:
            self._sweep(now)
            return next((place for place, step in enumerate(steps) if not self._take(step, now)), None)

    def _take(self, step: Step, now: float) -> bool:
        name, span = step.item.key_for(*step.key), step.item.get_expiry()
        window = self._windows.get(name) or _Window(span, deque())
        window.forget_before(now - span)
        if len(window.attempts) + step.cost > step.item.amount:
            return False
        if step.counts:
            window.attempts.extend([now] * step.cost)
            self._windows[name] = window
        return True

    def get_window_stats(self, item: "RateLimitItem", *key: str) -> WindowStats:
        """Return how the window of a key stands now."""
        now, span = time.time(), item.get_expiry()
        with self._lock:
            window = self._windows.get(item.key_for(*key)) or _Window(span, deque())
            window.forget_before(now - span)
            oldest = window.attempts[0] if window.attempts else now
            return WindowStats(oldest + span, item.amount - len(window.attempts))

    def clear(self, item: "RateLimitItem", *key: str) -> None:
        """Forget the attempts under a key."""
        with self._lock:
            self._windows.pop(item.key_for(*key), None)

    def _sweep(self, now: float) -> None:
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_SECONDS
        over = [
            key
            for key, window in self._windows.items()
            if not window.attempts or window.attempts[-1] < now - window.span
        ]
        for key in over:
            del self._windows[key]
