"""A costly query that many callers may make at once: it runs once, and each waits no longer than a bound."""

import contextvars
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from provider.infrastructure import event_log

T = TypeVar("T")


class _Round(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value
        self.is_over = threading.Event()
        self.ended_at = 0.0

    def fill(self, look: Callable[[T], None]) -> None:
        try:
            look(self.value)
        except Exception:  # noqa: BLE001 – logged; the value shows that it is not complete.
            event_log.error("round_failed", exc_info=True)
        finally:
            self.end()

    def end(self) -> None:
        self.ended_at = time.monotonic()
        self.is_over.set()


class SharedRound(Generic[T]):
    """Gives the same value to all calls within a span; at most one thread computes it.

    The value is empty at first and filled in bit by bit, so that a call that reaches the bound gets the
    results so far. The round continues, and its results serve the next call.
    """

    def __init__(self, empty: Callable[[], T], *, bound: timedelta, shared_for: timedelta) -> None:
        self._empty = empty
        self._bound = bound.total_seconds()
        self._shared_for = shared_for.total_seconds()
        self._lock = threading.Lock()
        self._latest: _Round[T] | None = None

    def ask(self, look: Callable[[T], None]) -> T:
        """Return the shared value as far as it is filled in within the bound."""
        with self._lock:
            current = self._latest
            if current is None or self._is_old(current):
                current = self._latest = _Round(self._empty())
                self._start(current, look)
        current.is_over.wait(self._bound)
        return current.value

    def _start(self, current: _Round[T], look: Callable[[T], None]) -> None:
        # The thread runs in the first call's application context, and may outlive that request.
        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(current.fill, look), name="round", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            event_log.error("thread_not_started", exc_info=True, pool="round")
            current.end()

    def _is_old(self, known: _Round[T]) -> bool:
        return known.is_over.is_set() and time.monotonic() - known.ended_at >= self._shared_for
