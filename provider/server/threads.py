"""Threads that an event loop hands work to, one piece after another.

An executor would make a future with a lock for each piece of work, make a second one for the loop, and keep
both in step, which would double the cost of the way to a thread and back.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from provider.infrastructure import event_log

T = TypeVar("T")
_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Threads:
    """Starts as many threads as there are pieces of work at once. Belongs to one event loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = self._busy = 0
        self._jobs: SimpleQueue[_Job] = SimpleQueue()

    async def run(self, work: Callable[[], T]) -> T:
        """Run something in a thread and return its result, or raise its error."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        if self._started <= self._busy:
            self._start_one()
        self._busy += 1
        self._jobs.put((loop, result, work))
        return await result

    def _start_one(self) -> None:
        # A daemon thread, which does not keep the process from ending: the server waits for the requests.
        thread = Thread(target=self._work, name=f"{self._name}_{self._started}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._started:
                raise
            # The running threads do the work later.
            event_log.error("thread_not_started", exc_info=True, pool=self._name)
        else:
            self._started += 1

    def _work(self) -> None:
        while True:
            loop, result, work = self._jobs.get()
            try:
                outcome = partial(result.set_result, work())
            except BaseException as exc:  # noqa: BLE001 – raised where the result is waited for.
                outcome = partial(result.set_exception, exc)
            # If the loop has been closed, nothing waits for the result.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._report, result, outcome)
            # References to a request must not live until the next one.
            del loop, result, work, outcome

    def _report(self, result: "asyncio.Future[Any]", outcome: Callable[[], None]) -> None:
        self._busy -= 1
        # The future may have been cancelled in the meantime.
        if not result.done():
            outcome()
