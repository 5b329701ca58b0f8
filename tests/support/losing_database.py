"""A database that goes away for a moment, at a statement that the test names."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from psycopg import errors
from sqlalchemy import event
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from provider.infrastructure.database import db
from tests.support.reads import end_read

# What is raised then, by what has happened.
LOSSES: dict[str, Callable[[], Exception]] = {
    "unreachable": lambda: OperationalError("SELECT secret", {}, ConnectionError("connection refused")),
    "locked": lambda: OperationalError("SELECT secret", {}, Exception("database is locked")),
    "cut off": lambda: InterfaceError("SELECT secret", {}, Exception("the wire is cut")),
    "read-only after a failover": lambda: InternalError("SELECT secret", {}, errors.ReadOnlySqlTransaction()),
    "ended for idling": lambda: InternalError("SELECT secret", {}, errors.IdleInTransactionSessionTimeout()),
    "every connection taken": PoolTimeout,
}


@contextmanager
def database_lost_once(loss: str, at: str, nth: int = 1) -> Iterator[None]:
    """Let the database be away the n-th time that a statement begins like this; all others reach it."""
    lost, seen = LOSSES[loss](), 0

    def lose(_connection, _cursor, statement: str, *_rest) -> None:
        nonlocal seen
        seen += statement.startswith(at)
        if statement.startswith(at) and seen == nth:
            raise lost

    event.listen(db.engine, "before_cursor_execute", lose)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", lose)
    assert seen >= nth, f"only {seen} began with {at}"


@contextmanager
def locked_for_good() -> Iterator[None]:
    """Hold the write lock of the SQLite database for longer than anybody waits, which is not long here."""
    db.session.connection().exec_driver_sql("PRAGMA busy_timeout = 50")
    end_read()
    path = db.engine.url.database
    assert path
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
