"""Work that an event loop hands to threads: results come back, and no more threads are made than needed."""

import asyncio
import threading

import pytest

from provider.server.threads import Threads
from tests.server.test_lanes import Held, in_a_loop


def test_a_result_and_an_error_come_back_from_another_thread():
    async def play():
        threads = Threads("lane")
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        return await threads.run(threading.current_thread), threading.current_thread()

    there, here = in_a_loop(play)

    assert there is not here


def test_a_thread_is_used_again_and_another_is_made_for_work_beside_it():
    async def play():
        threads, held = Threads("lane"), Held()
        names = [await threads.run(lambda: threading.current_thread().name) for _ in range(3)]
        slow = asyncio.create_task(threads.run(lambda: held(0)))
        while not held.begun.is_set():
            await asyncio.sleep(0)
        names.append(await threads.run(lambda: threading.current_thread().name))
        held.release()
        await slow
        return names

    assert in_a_loop(play) == ["lane_0", "lane_0", "lane_0", "lane_1"]


def test_a_result_that_is_not_waited_for_disturbs_no_one():
    async def play():
        threads, held = Threads("lane"), Held()
        left = asyncio.create_task(threads.run(lambda: held(0)))
        while not held.begun.is_set():
            await asyncio.sleep(0)
        left.cancel()
        held.release()
        return await threads.run(lambda: "next")

    assert in_a_loop(play) == "next"


def test_without_another_thread_those_that_run_do_it(monkeypatch):
    async def play():
        threads, held = Threads("lane"), Held()
        slow = asyncio.create_task(threads.run(lambda: held(0)))
        while not held.begun.is_set():
            await asyncio.sleep(0)
        monkeypatch.setattr(threading.Thread, "start", _none_left)
        later = asyncio.create_task(threads.run(lambda: "later"))
        await asyncio.sleep(0)
        held.release()
        return await slow, await later

    assert in_a_loop(play) == (0, "later")


def _none_left(_thread):
    raise RuntimeError("can't start new thread")
