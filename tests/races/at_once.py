"""Several acts at the same instant, in real threads with connections of their own (security 7.3)."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Thread, get_ident
from typing import Any

import pytest
from sqlalchemy import event

from provider.infrastructure.database import db
from tests.support.waiting import PATIENCE

# A round costs 50 ms of CPU; `make races` plays a thousand.
ROUNDS = int(os.environ.get("CURFEW_TEST_ROUNDS", "25"))
AT_ONCE = 4
# One statement at a time is all that SQLite does, so a race there proves little.
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same time; returns what each gave."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait(timeout=PATIENCE)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(timeout=PATIENCE) for future in [pool.submit(run, act) for act in acts]]


@contextmanager
def just_before(statement: str, act: Callable[[], object]) -> Iterator[list[object]]:
    """Do something in another thread, and to its end, just before the first statement that begins so.

    Or that has such a part: what is written at a commit is one statement on PostgreSQL.
    """
    with _beside("before_cursor_execute", statement, act) as done:
        yield done


@contextmanager
def just_after(statement: str, act: Callable[[], object]) -> Iterator[list[object]]:
    """Do it between the first statement that begins so and what comes of its result."""
    with _beside("after_cursor_execute", statement, act) as done:
        yield done


@contextmanager
def _beside(moment: str, statement: str, act: Callable[[], object]) -> Iterator[list[object]]:
    done: list[object] = []
    mine = get_ident()

    def run() -> None:
        done.append(act())

    def look(_connection, _cursor, text, *_rest) -> None:
        is_it = text.startswith(statement) or f"({statement}" in text
        if is_it and get_ident() == mine and not done:
            other = Thread(target=run)
            other.start()
            other.join(timeout=PATIENCE)
            assert done, "the other act waits for this one"

    event.listen(db.engine, moment, look)
    try:
        yield done
    finally:
        event.remove(db.engine, moment, look)
    assert done, f"there was no {statement}"
