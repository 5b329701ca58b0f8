"""Threads that an event loop hands work to, one piece after another.

An executor makes a future with a lock for each piece of work, a second one for the loop, and keeps both in
step: that costs as much as all else on the way to a thread and back.
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
    """As many threads as there were pieces of work at once. Belongs to one event loop."""

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
        # It does not keep the process from ending: the server waits for the requests.
        thread = Thread(target=self._work, name=f"{self._name}_{self._started}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._started:
                raise
            # Those that run do it later.
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
            # A loop that was closed waits for nothing.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._report, result, outcome)
            # Nothing of a request is kept until the next one.
            del loop, result, work, outcome

    def _report(self, result: "asyncio.Future[Any]", outcome: Callable[[], None]) -> None:
        self._busy -= 1
        # It may have been cancelled meanwhile.
        if not result.done():
            outcome()
