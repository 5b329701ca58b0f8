"""Several acts at the same instant, in real threads with connections of their own (security 7.3)."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

# `make races` runs a thousand.
ROUNDS = int(os.environ.get("CURFEW_TEST_ROUNDS", "50"))
AT_ONCE = 4
# One statement at a time is all that SQLite does, so a race there proves little.
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same time; returns what each gave."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait(timeout=10)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, act) for act in acts]]
