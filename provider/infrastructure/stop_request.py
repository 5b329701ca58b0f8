"""A request to stop, made by a signal's handler or by any thread.

A handler may interrupt code that holds the lock of a `threading.Event`, and would then wait for itself
forever. `SimpleQueue` is the one class of the standard library that a handler can use.
"""

import queue
import time
from contextlib import suppress

_SIGNAL_CHECK_SECONDS = 1.0


class StopRequest:
    """Made once; whether it was made can be asked, or waited for."""

    def __init__(self) -> None:
        self._made: queue.SimpleQueue[None] = queue.SimpleQueue()

    def make(self) -> None:
        """Ask to stop; a second call changes nothing."""
        self._made.put(None)

    def is_made(self) -> bool:
        """Return whether it was made."""
        return not self._made.empty()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is made, at most for so many seconds; return whether it was.

        A signal that arrives just before a wait begins does not interrupt it, and is handled when it ends:
        no wait is long.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = _SIGNAL_CHECK_SECONDS if until is None else until - time.monotonic()
            with suppress(queue.Empty):
                self._made.get(timeout=max(0.0, min(left, _SIGNAL_CHECK_SECONDS)))
                # For the next one to ask.
                self._made.put(None)
                return True
            if until is not None and time.monotonic() >= until:
                return False
