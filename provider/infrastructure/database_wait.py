"""Limit how long a piece of work waits for the database.

A request has a budget that limits the sum of its waits, wherever they happen; other work in between does not
count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta


class Budget:
    """The time that one piece of work may still wait for the database."""

    def __init__(self, seconds: float) -> None:
        self.left = max(seconds, 0.0)

    def spend(self, seconds: float) -> None:
        """Subtract the time that a wait has taken."""
        self.left = max(self.left - seconds, 0.0)


_budget: ContextVar[Budget | None] = ContextVar("database_budget", default=None)


def budget() -> Budget | None:
    """Return the budget of the work that is being done, where it has one."""
    return _budget.get()


@contextmanager
def waiting_at_most(span: timedelta) -> Iterator[None]:
    """Let all waits for the database in this piece of work take no longer than `span` together."""
    token = _budget.set(Budget(span.total_seconds()))
    try:
        yield
    finally:
        _budget.reset(token)


def begin_budget(seconds: float) -> None:
    """Set the same limit from now on, in a context that ends with the work."""
    _budget.set(Budget(seconds))
