"""Threads for requests: a fixed number of them, a bounded queue, and immediate refusal beyond that."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from provider.server.threads import Threads

T = TypeVar("T")
# With more than this per thread, the last would not be served within a time that a person accepts.
_MOST_WAITING_PER_THREAD = 64


class NoThreadFree(Exception):
    """The request would wait longer for a thread than it may."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    since: float
    # Becomes True when a thread is handed over, False when that took too long.
    got_thread: "asyncio.Future[bool]"


class Lane:
    """A group of threads; work in other lanes does not delay work in this one.

    Belongs to one event loop. A request is refused when it has waited for `patience` seconds. It is refused
    at once while another has waited for half of that, because the queue does not move, or while
    `most_waiting` others (by default 64 for each thread) wait.
    """

    def __init__(self, name: str, *, threads: int, patience: float, most_waiting: int | None = None) -> None:
        self._threads = Threads(name)
        self._free = threads
        self._patience = patience
        self._most_waiting = threads * _MOST_WAITING_PER_THREAD if most_waiting is None else most_waiting
        self._waiting: deque[_Waiter] = deque()

    async def run(self, work: Callable[[float], T]) -> T:
        """Run `work` in one of the threads, with the seconds that it waited. Raises NoThreadFree."""
        waited = 0.0
        if self._free:
            self._free -= 1
        else:
            waited = await self._wait_for_thread()
        try:
            return await self._threads.run(partial(work, waited))
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        """Give a thread to the request that has waited longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.got_thread.done():
                waiter.got_thread.set_result(True)
                return
        self._free += 1

    async def _wait_for_thread(self) -> float:
        loop = asyncio.get_running_loop()
        now = loop.time()
        is_stuck = bool(self._waiting) and now - self._waiting[0].since > self._patience / 2
        if is_stuck or len(self._waiting) >= self._most_waiting:
            raise NoThreadFree
        waiter = _Waiter(now, loop.create_future())
        self._waiting.append(waiter)
        timer = loop.call_at(now + self._patience, self._give_up, waiter)
        got_thread = await waiter.got_thread
        timer.cancel()
        if not got_thread:
            raise NoThreadFree
        return loop.time() - now

    def _give_up(self, waiter: _Waiter) -> None:
        if not waiter.got_thread.done():
            self._waiting.remove(waiter)
            waiter.got_thread.set_result(False)
