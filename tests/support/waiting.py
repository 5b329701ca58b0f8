"""Waiting for something to become true, with a deadline and never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Seconds after which whatever a test waits for is taken to hang. It asserts nothing and costs a run nothing,
# so it is far beyond what a slow machine needs, and below the `timeout` of pyproject.toml, which would end
# the test without its clean-up. A bound that a test asserts is written in that test.
PATIENCE = 240


def wait_until(question: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """Return the first true result; fail when there is none in time.

    What is waited for longer is asked for less often: asking costs CPU that the awaited may need.
    """
    began = time.monotonic()
    while not (result := question()):
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"not true within {seconds:g} s")
        time.sleep(min(0.2, 0.01 + waited / 20))
    return result


def least_seconds(act: Callable[[], object], *, tries: int = 5) -> float:
    """Return the least time that something takes: the machine may delay a try, a defect delays them all."""
    return min(map(_seconds_of, [act] * tries))


def _seconds_of(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
