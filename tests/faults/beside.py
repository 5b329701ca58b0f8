"""Doing something beside a test, and measuring how long something takes."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from tests.support.waiting import PATIENCE


@contextlib.contextmanager
def in_background(act: Callable[[], None], *, every: float) -> Iterator[None]:
    """Do something again and again beside a test; an error of it is the test's."""
    stop = threading.Event()
    problems: list[BaseException] = []

    def repeat() -> None:
        while not stop.is_set():
            try:
                act()
            except BaseException as exc:  # noqa: BLE001 – raised again where the test can see it.
                problems.append(exc)
                return
            stop.wait(every)

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
    if problems:
        raise problems[0]


def stopwatch() -> Callable[[], float]:
    """Return a function that tells the seconds since now."""
    began = time.monotonic()
    return lambda: time.monotonic() - began
