"""Waiting for something to become true, with a deadline and never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(question: Callable[[], T], *, seconds: float = 15) -> T:
    """Return the first true result; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (result := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds:g} s")
        time.sleep(0.02)
    return result
