"""Requests that are held open until there is something to respond with.

A held request keeps a thread, and no database connection. At most a quarter of the threads hold requests;
sign-outs wait on at most half of them (`provider.logout.notification.budget`), so that some are always left.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from provider.infrastructure import current
from provider.infrastructure.database import connection_released

LONGEST_SECONDS = 25
# Seconds between queries.
PAUSE = 1.0
_USUAL_THREADS = 16
_NAME = "held_requests"


def share_threads(threads: int) -> None:
    """Allow at most a quarter of an application's threads to hold requests."""
    current.services().memo[_NAME] = _slots_among(threads)


@contextmanager
def slot() -> Iterator[bool]:
    """Take one of the slots for held requests, if one is free; yields whether one was."""
    slots = current.memo(_NAME, lambda: _slots_among(_USUAL_THREADS))
    taken = slots.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            slots.release()


def wait_for(look: Callable[[], bool], seconds: float) -> bool:
    """Call `look` repeatedly until it finds something or the time is over.

    Returns False if the server stops first.
    """
    deadline, stopping = time.monotonic() + seconds, current.services().stopping
    while (left := deadline - time.monotonic()) > 0:
        with connection_released():
            if stopping.wait(min(PAUSE, left)):
                return False
        if look():
            break
    return True


def _slots_among(threads: int) -> threading.Semaphore:
    return threading.Semaphore(threads // 4)
