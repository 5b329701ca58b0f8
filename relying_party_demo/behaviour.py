"""The switch for demonstrations: it determines how the back-channel endpoint of this app behaves.

normal answers as it should; slow does so after some seconds; failing answers 503; silent does not answer.
A WSGI app cannot close its connection without a response, so in silent mode it holds the connection for a
minute, which is longer than any provider waits, and answers 503 after that, or as soon as the switch is
turned. Tokens are processed only in the modes normal and slow.
"""

import threading
from enum import StrEnum

LONGEST_WAIT_SECONDS = 60.0
# The server has more threads than this, so a silent endpoint does not keep the pages from answering.
HELD_AT_ONCE = 8


class Mode(StrEnum):
    """The positions of the switch."""

    NORMAL = "normal"
    SLOW = "slow"
    FAILING = "failing"
    SILENT = "silent"


class Behaviour:
    """The switch and the requests that wait because of it."""

    def __init__(self) -> None:
        self._turned = threading.Condition()
        self._turns = 0
        self._held = 0
        self.mode = Mode.NORMAL
        self.seconds = 0.0

    def turn(self, mode: Mode, seconds: float) -> None:
        """Turn the switch; requests that wait because of its old position continue."""
        with self._turned:
            self.mode, self.seconds = mode, min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)
            self._turns += 1
            self._turned.notify_all()

    def lets_answer(self) -> bool:
        """Wait as the switch demands; return whether the request should be answered properly."""
        match self.mode:
            case Mode.NORMAL:
                return True
            case Mode.SLOW:
                return self._hold(self.seconds)
            case Mode.FAILING:
                return False
            case Mode.SILENT:
                self._hold(LONGEST_WAIT_SECONDS)
                return False

    def _hold(self, seconds: float) -> bool:
        with self._turned:
            if self._held >= HELD_AT_ONCE:
                return False
            turns, self._held = self._turns, self._held + 1
            try:
                self._turned.wait_for(lambda: self._turns != turns, timeout=seconds)
            finally:
                self._held -= 1
        return True
