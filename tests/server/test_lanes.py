"""Waiting for a thread: in turn, for a bounded time, and not at all behind a queue that stands still."""

import asyncio
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from provider.server.lanes import Lane, NoThreadFree
from tests.support.waiting import PATIENCE


class Held:
    """Work that goes on until it is released."""

    def __init__(self) -> None:
        self.begun, self._released = threading.Event(), threading.Event()

    def __call__(self, waited: float) -> float:
        self.begun.set()
        assert self._released.wait(30)
        return waited

    def release(self) -> None:
        self._released.set()


def in_a_loop(play):
    """Run a coroutine in a loop of its own; a browser's may be running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(play())).result(PATIENCE)


def test_what_finds_a_thread_has_not_waited():
    async def play():
        return await Lane("lane", threads=1, patience=5).run(lambda waited: waited)

    assert in_a_loop(play) == 0


def test_what_waited_learns_for_how_long_and_runs_in_turn():
    async def play():
        lane, held, order = Lane("lane", threads=1, patience=30), Held(), []
        begun = time.monotonic()
        first = asyncio.create_task(lane.run(held))
        others = [
            asyncio.create_task(lane.run(lambda waited, name=name: order.append(name) or waited))
            for name in ("second", "third")
        ]
        while not held.begun.is_set():
            await asyncio.sleep(0)
        held.release()
        return await first, await asyncio.gather(*others), order, time.monotonic() - begun

    first, waits, order, elapsed = in_a_loop(play)

    assert first == 0
    assert order == ["second", "third"]
    assert all(0 < wait <= elapsed for wait in waits)


def test_what_waits_too_long_is_refused_and_what_comes_behind_it_at_once():
    patience = 1.0

    async def play():
        lane, held = Lane("lane", threads=1, patience=patience), Held()
        running = asyncio.create_task(lane.run(held))
        waiting = asyncio.create_task(lane.run(held))
        refused_at_once = math.inf
        while not waiting.done():
            begun = time.monotonic()
            try:
                # It would wait as the other does, but is not let in once that has waited for half its time.
                await asyncio.wait_for(asyncio.shield(lane.run(held)), 0.01)
            except NoThreadFree:
                refused_at_once = min(refused_at_once, time.monotonic() - begun)
            except TimeoutError:
                pass
        held.release()
        await running
        return waiting.exception(), refused_at_once

    refusal, refused_at_once = in_a_loop(play)

    assert isinstance(refusal, NoThreadFree)
    assert refused_at_once < patience / 2


def test_a_thread_whose_work_failed_serves_the_next():
    async def play():
        lane = Lane("lane", threads=1, patience=5)
        with pytest.raises(ZeroDivisionError):
            await lane.run(lambda waited: 1 // 0)
        return await lane.run(lambda waited: "served")

    assert in_a_loop(play) == "served"
