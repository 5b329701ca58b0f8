"""Connections to PostgreSQL that respect the time budget of their work, and connections that were given up.

By default the driver waits for a silent server as long as TCP does. Imported only for PostgreSQL: an
installation on SQLite needs no driver.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self, TypeVar, cast

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import Loader
from psycopg.pq import Format, TransactionStatus

from provider.infrastructure import database_wait
from provider.infrastructure.postgres_statements import PreparedStatements

T = TypeVar("T")

# A given-up connection that has been silent for this long is closed, whatever the server is doing.
_LONGEST_WATCH_SECONDS = 60.0
# A connection that was used within this many seconds is not tested before use.
_TRUSTED_SECONDS = 2.0
# The least time limit that the driver accepts.
_LEAST_CONNECT_SECONDS = 2


class GivenUp:
    """Connections that were given up while the server was, or may still be, at work for them.

    The server ends their work when it notices: at a statement timeout, or when a commit that waits for a
    standby is let go. Until then each counts against a limit, so that a hanging database does not get one
    more backend with every request until it refuses all connections.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._watched: list[tuple[socket.socket, float]] = []

    def add(self, given_up: socket.socket) -> None:
        """Count a connection until the server, which was asked to cancel it, has closed it too."""
        # It stays open until then: if we closed our side, a proxy would end it while the server still works.
        given_up.setblocking(False)
        with self._lock:
            self._watched.append((given_up, time.monotonic()))

    def is_full(self) -> bool:
        """Return whether too many are still busy to open another connection."""
        oldest = time.monotonic() - _LONGEST_WATCH_SECONDS
        with self._lock:
            kept = []
            for watched, since in self._watched:
                if since < oldest or _has_ended(watched):
                    watched.close()
                else:
                    kept.append((watched, since))
            self._watched = kept
            return len(kept) >= self._limit

    def forget(self) -> None:
        """Close and forget them all, when no more connections are made."""
        with self._lock:
            for watched, _ in self._watched:
                watched.close()
            self._watched = []


def _has_ended(watched: socket.socket) -> bool:
    try:
        while watched.recv(65536):
            continue
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class PlainCursor(psycopg.Cursor[Any]):
    """A cursor that describes its columns by their names and types.

    The driver makes an object for each column, and SQLAlchemy asks for them after each statement.
    """

    def execute(self, *args: Any, **options: Any) -> Self:
        """Execute a statement after those queued for the next round trip."""
        self._statements.send_waiting()
        return super().execute(*args, **options)

    def executemany(self, *args: Any, **options: Any) -> None:
        """Execute a statement for many values after the queued ones."""
        self._statements.send_waiting()
        super().executemany(*args, **options)

    @property
    def _statements(self) -> PreparedStatements:
        return cast("BoundedConnection", self.connection).statements

    @property
    def description(self) -> Any:
        """The columns of the present result as DB-API 2.0 has them, or None without a result."""
        result = self.pgresult
        if result is None or not (result.nfields or result.status == psycopg.pq.ExecStatus.TUPLES_OK):
            return None
        return [_column(result, index) for index in range(result.nfields)]


def _column(result: Any, index: int) -> tuple[object, ...]:
    return (result.fname(index).decode(), result.ftype(index), None, None, None, None, None)


def json_loader(read: Callable[[Any], Any]) -> type[Loader]:
    """Return a loader by which the driver reads JSON in binary results directly with this function."""
    return type("JSONLoader", (Loader,), {"format": Format.BINARY, "load": staticmethod(read)})


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that respects the time budget of the current work, if there is one."""

    given_up: GivenUp
    statements: PreparedStatements
    unread: "select.poll"
    # When it was last used, by the steady clock.
    used_at = 0.0

    @classmethod
    def open(cls, given_up: GivenUp, *args: Any, **parameters: Any) -> "BoundedConnection":
        """Connect, unless too many connections are still being waited for."""
        if given_up.is_full():
            raise psycopg.OperationalError("no new connection: too many were given up and are not yet free")
        budget = database_wait.budget()
        began = time.monotonic()
        if budget is not None:
            if budget.left < _LEAST_CONNECT_SECONDS / 2:
                raise psycopg.OperationalError("no new connection: the time for the database is over")
            allowed = float(parameters.get("connect_timeout") or budget.left)
            parameters["connect_timeout"] = max(_LEAST_CONNECT_SECONDS, round(min(allowed, budget.left)))
        try:
            connection = cls.connect(*args, **parameters)
        finally:
            if budget is not None:
                budget.spend(time.monotonic() - began)
        connection.given_up = given_up
        connection.statements = PreparedStatements(connection)
        connection.unread = select.poll()
        connection.unread.register(connection.pgconn.socket, select.POLLIN)
        connection.cursor_factory = PlainCursor
        return connection

    def commit(self) -> None:
        """Commit, together with the statements that wait for the next round trip."""
        # Nothing is left to commit where COMMIT was sent with the last statement.
        if not self.statements.commit() and self.pgconn.transaction_status != TransactionStatus.IDLE:
            super().commit()

    def rollback(self) -> None:
        """Roll back, and drop the statements queued for the next round trip."""
        self.statements.forget()
        super().rollback()

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait as the driver does, but no longer than the budget; then the connection is closed."""
        budget = database_wait.budget()
        began = self.used_at = time.monotonic()
        if budget is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        if budget.left <= 0:
            raise self._give_up()
        try:
            return super().wait(gen, interval, budget.left)
        except errors._WaitTimeout:  # noqa: SLF001 – the only sign of a timeout that the driver gives.
            raise self._give_up() from None
        finally:
            budget.spend(time.monotonic() - began)

    def is_trusted(self) -> bool:
        """Return whether it was in use a moment ago, and the server has sent nothing since.

        If the server or its backend has ended, the socket is readable.
        """
        if time.monotonic() - self.used_at > _TRUSTED_SECONDS:
            return False
        return not self.unread.poll(0)

    def _give_up(self) -> psycopg.OperationalError:
        """Close the connection: what the server has done for it is unknown, and so is its next response."""
        if not self.closed:
            # Without a free file descriptor it is closed all the same, and not counted.
            with suppress(OSError):
                self.given_up.add(socket.socket(fileno=os.dup(self.pgconn.socket)))
            self.close()
        return psycopg.OperationalError("the database connection did not answer in time")
