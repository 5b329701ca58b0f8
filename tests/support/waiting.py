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
    """Return the first true result; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (result := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds:g} s")
        time.sleep(0.02)
    return result
