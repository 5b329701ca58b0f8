"""The connection pool of an engine, with a fast path for single statements.

SQLAlchemy wraps each connection that it hands out in an object with a finalizer, and guards its queue of idle
connections by two condition variables: that takes longer than a statement takes in the driver.
"""

import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, QueuePool
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.pool.base import _ConnectionFairy
from sqlalchemy.util.queue import Empty, Full, QueueCommon

# The execution option under which an engine keeps its reader, whose statements run in autocommit.
READER = "curfew_reader"


class Idle(QueueCommon[Any]):
    """The idle connections; the most recently used one is lent first, so that few are kept warm.

    Taking and putting one is a single step of a deque. A lock is taken only to wait for one when there is
    none.
    """

    def __init__(self, maxsize: int = 0, use_lifo: bool = True) -> None:
        self.maxsize, self.use_lifo = maxsize, use_lifo
        self._entries: deque[Any] = deque()
        self._changed = threading.Condition()
        self._waiting = 0

    def qsize(self) -> int:
        """Return the number of idle connections."""
        return len(self._entries)

    def empty(self) -> bool:
        """Return whether there is no idle connection."""
        return not self._entries

    def full(self) -> bool:
        """Return whether the queue is full."""
        return 0 < self.maxsize <= len(self._entries)

    def put_nowait(self, item: Any) -> None:
        """Keep one. Raises Full."""
        self.put(item)

    def put(self, item: Any, block: bool = False, timeout: float | None = None) -> None:  # noqa: ARG002 – the signature is SQLAlchemy's, which never waits here.
        """Keep one. Raises Full."""
        if self.full():
            raise Full
        self._entries.append(item)
        # A waiting thread registers before its last look, so it either finds the entry or is woken.
        if self._waiting:
            with self._changed:
                self._changed.notify()

    def get_nowait(self) -> Any:
        """Take one. Raises Empty."""
        return self.get(block=False)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take one, waiting for it if necessary. Raises Empty."""
        try:
            return self._entries.pop()
        except IndexError:
            if not block:
                raise Empty from None
        return self._wait(timeout)

    def _wait(self, timeout: float | None) -> Any:
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self._waiting += 1
            try:
                while True:
                    # Another thread may take it between the look and the step.
                    with suppress(IndexError):
                        return self._entries.pop()
                    left = None if until is None else until - time.monotonic()
                    if left is not None and left <= 0:
                        raise Empty
                    self._changed.wait(left)
            finally:
                self._waiting -= 1


class ConnectionPool(QueuePool):
    """SQLAlchemy's pool, with a shorter path for borrowers that run one statement and give back at once."""

    _queue_class = Idle

    def borrow(self) -> ConnectionPoolEntry | None:
        """Take a working idle connection; None if SQLAlchemy has to provide one, or checkout has listeners.

        The borrower must leave no transaction open and always return the connection.
        """
        if self.dispatch.checkout:
            return None
        try:
            entry = self._pool.get(False)
        except Empty:
            return None
        is_usable = False
        try:
            is_usable = self._is_usable(entry)
        finally:
            if not is_usable:
                self.give_back(entry)
        return entry if is_usable else None

    def give_back(self, entry: ConnectionPoolEntry) -> None:
        """Take it back."""
        self._do_return_conn(entry)

    def as_sqlalchemy_lends(self, entry: Any) -> Any:
        """Wrap a borrowed connection as SQLAlchemy does; the wrapper is then closed in its place."""
        # LIB-24: as the pool's record does it; no public function wraps a given connection.
        lent = _ConnectionFairy(self, entry.dbapi_connection, entry, False)
        lent._counter = 1  # noqa: SLF001 – as above.
        entry.fairy_ref = weakref.ref(lent, _ignore)
        return lent

    def _is_usable(self, entry: Any) -> bool:
        if entry._is_hard_or_soft_invalidated():  # noqa: SLF001 – as above.
            return False
        # SQLAlchemy must lend a new connection the first time: it notes the first use only if the pool pings.
        return not self._pre_ping or (
            not entry.fresh and self._dialect._do_ping_w_event(entry.dbapi_connection)  # noqa: SLF001 – as above.
        )


def _ignore(_reference: object) -> None:
    """Do nothing: a reference with a callback outlives the finalizer, as in SQLAlchemy."""


class Alone:
    """A connection in autocommit, without SQLAlchemy's layers around it."""

    __slots__ = ("_lent", "_pool", "_whole", "dialect", "driver", "engine")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect
        self._pool: Any = engine.pool
        # SQLAlchemy is not involved if our pool has an idle connection.
        self._lent = self._pool.borrow() if isinstance(self._pool, ConnectionPool) else None
        if self._lent is not None:
            self.driver: Any = self._lent.dbapi_connection
            return
        try:
            self._take(self._reader.raw_connection())
        except self.dialect.loaded_dbapi.Error as exc:
            # LIB-24: SQLAlchemy translates the error and raises it.
            Connection._handle_dbapi_exception_noconnection(exc, self.dialect, engine)  # noqa: SLF001 – as below.

    def close(self) -> None:
        """Give it back to the pool."""
        if self._lent is not None:
            self._pool.give_back(self._lent)
        else:
            self._whole.close()

    def whole(self) -> Connection:
        """Return the connection as a SQLAlchemy connection."""
        if self._lent is not None:
            lent, self._lent = self._lent, None
            self._take(self._pool.as_sqlalchemy_lends(lent))
        return self._whole

    def _take(self, connection: PoolProxiedConnection) -> None:
        self.driver = connection.dbapi_connection
        self._whole = Connection(self._reader, connection)

    @property
    def _reader(self) -> Engine:
        reader: Engine = self.engine.get_execution_options().get(READER, self.engine)
        return reader


class Begun(Alone):
    """A connection for one transaction on PostgreSQL, which the driver begins with its first statement."""

    __slots__ = ()

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.driver.autocommit = False

    def whole(self) -> Connection:
        """Return the connection as a SQLAlchemy connection, in the same transaction."""
        connection = super().whole()
        if not (connection.in_transaction() or connection.invalidated):
            connection.begin()
        return connection

    def finish(self) -> None:
        """Give it back after the commit."""
        if not self.driver.closed:
            self.driver.autocommit = True
        self.close()
