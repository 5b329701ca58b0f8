"""Tells the processes of a server that it is stopping, so that requests that only wait are answered.

A pipe that is never written to: when its one writer closes it, or is gone, the server stops.
"""

import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing import Pipe
from types import FrameType
from typing import Any


class StopSignal:
    """Made in the main process, and listened to in those that are forked from it."""

    def __init__(self) -> None:
        self._reader, self._writer = Pipe(duplex=False)

    def send_on(self, *numbers: signal.Signals) -> None:
        """Send it when this process gets one of these signals, and then call the previous handler."""
        for number in numbers:
            signal.signal(number, partial(self._send, signal.getsignal(number)))

    def listen(self, stop: Callable[[], None]) -> None:
        """Call a function when it is sent, in a thread of this process, which must not be the sender."""
        self._writer.close()
        threading.Thread(target=self._wait, args=(stop,), name="stop-signal", daemon=True).start()

    def _send(self, then: Any, number: int, frame: FrameType | None) -> None:
        self._writer.close()
        then(number, frame)

    def _wait(self, stop: Callable[[], None]) -> None:
        os.read(self._reader.fileno(), 1)
        stop()
