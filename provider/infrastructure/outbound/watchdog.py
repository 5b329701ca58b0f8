"""A watchdog for sockets that cannot keep the time themselves, those of TLS.

OpenSSL goes on reading while there are tickets, key updates and empty records to be eaten, and asks no clock
between them; only an end of the connection stops it. One thread watches all exchanges of the process.
"""

import heapq
import itertools
import math
import os
import socket
import threading
import time
from contextlib import suppress

from provider.infrastructure.outbound.policy import OutboundFailure

# A socket that keeps its deadline itself gives the better report; it is given the time for it.
GRACE_SECONDS = 0.05
# What is over is struck from `_watched` at once and from the heap when more than half of it is so.
SPARE = 64


class Watchdog:
    """Ends connections whose time has come; watching is a push, and wakes nobody if others come first."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget everything: a forked process has neither the thread nor the calls of the one before."""
        self._changed = threading.Condition(threading.Lock())
        self._numbers = itertools.count()
        self._watched: dict[int, socket.socket] = {}
        self._instants: list[tuple[float, int]] = []
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    def watch(self, sock: socket.socket, instant: float) -> int:
        """Shut this socket shortly after the instant, unless the number returned is released before."""
        instant += GRACE_SECONDS
        with self._changed:
            if self._thread is None:
                self._start()
            number = next(self._numbers)
            self._watched[number] = sock
            heapq.heappush(self._instants, (instant, number))
            if instant < self._wakes_at:
                self._changed.notify()
        return number

    def release(self, number: int) -> None:
        """Stop watching; when this returns the socket is not touched any more and may be closed."""
        with self._changed:
            self._watched.pop(number, None)
            if len(self._instants) > 2 * len(self._watched) + SPARE:
                self._instants = [entry for entry in self._instants if entry[1] in self._watched]
                heapq.heapify(self._instants)

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="outbound-watchdog", daemon=True)
        try:
            thread.start()
        except RuntimeError as exc:
            raise OutboundFailure("connect", "no thread to watch the connection") from exc
        self._thread = thread

    def _run(self) -> None:
        with self._changed:
            while True:
                self._shut_what_is_late()
                self._wakes_at = self._instants[0][0] if self._instants else math.inf
                pause = self._wakes_at - time.monotonic()
                self._changed.wait(None if pause == math.inf else max(pause, 0))

    def _shut_what_is_late(self) -> None:
        now = time.monotonic()
        while self._instants and (self._instants[0][0] <= now or self._instants[0][1] not in self._watched):
            sock = self._watched.pop(heapq.heappop(self._instants)[1], None)
            if sock is not None:
                with suppress(OSError):
                    # The shutdown of an SSLSocket would take the TLS object from under the thread in it.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


WATCHDOG = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.start_anew)
