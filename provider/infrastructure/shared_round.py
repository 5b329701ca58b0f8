"""A costly question that many may ask at once: it is put once, and waited for no longer than a bound."""

import contextvars
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class _Round(Generic[T]):
    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.answer: T | None = None
        self.ended_at = 0.0


class SharedRound(Generic[T]):
    """Shares one answer among all who ask within a span; at most one thread looks for it."""

    def __init__(self, *, bound: timedelta, shared_for: timedelta) -> None:
        self._bound = bound.total_seconds()
        self._shared_for = shared_for.total_seconds()
        self._lock = threading.Lock()
        self._latest: _Round[T] | None = None

    def ask(self, question: Callable[[], T]) -> T | None:
        """Return the shared answer; None if it is not there within the bound, or the question failed."""
        with self._lock:
            current = self._latest
            if current is None or self._is_old(current):
                current = self._latest = _Round()
                # The thread works in the application of whoever asks first, and outlives its request.
                run = contextvars.copy_context().run
                threading.Thread(
                    target=run, args=(_put, question, current), name="round", daemon=True
                ).start()
        current.is_over.wait(self._bound)
        return current.answer

    def _is_old(self, known: _Round[T]) -> bool:
        return known.is_over.is_set() and time.monotonic() - known.ended_at >= self._shared_for


def _put(question: Callable[[], T], current: _Round[T]) -> None:
    try:
        current.answer = question()
    finally:
        current.ended_at = time.monotonic()
        current.is_over.set()
