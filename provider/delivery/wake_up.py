"""Events that end the dispatcher's wait: wake-ups, results, and the request to close."""

import threading


class WakeUp:
    """Set by any thread; the dispatcher's thread waits for it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._look = threading.Event()
        self._close = threading.Event()
        self._has_sweep = True

    def wake(self, *, sweep: bool = False) -> None:
        """Ask for a look at what is due; a sweep also ends what has expired."""
        if sweep:
            self._has_sweep = True
        self._look.set()
        self._event.set()

    def notify(self) -> None:
        """End the wait: something has changed that needs no look at the database."""
        self._event.set()

    def close(self) -> None:
        """Ask the dispatcher to begin nothing more."""
        self._close.set()
        self._event.set()

    def look_again(self) -> None:
        """Ask for a look from the dispatcher's own thread, which is not waiting now."""
        self._look.set()

    @property
    def is_look_asked(self) -> bool:
        """Whether a look was requested and has not begun."""
        return self._look.is_set()

    @property
    def is_closing(self) -> bool:
        """Whether the dispatcher starts nothing more."""
        return self._close.is_set()

    def begin_look(self) -> bool:
        """Take the request for a look; returns whether it is a sweep."""
        self._look.clear()
        is_sweep, self._has_sweep = self._has_sweep, False
        return is_sweep

    def wait(self, seconds: float) -> None:
        """Wait for an event, at most for `seconds`."""
        self._event.wait(seconds)
        self._event.clear()
