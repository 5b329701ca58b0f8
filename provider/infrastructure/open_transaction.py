"""One open transaction: the connection that it holds, and what it writes and does at its commit.

A session of SQLAlchemy is made only by those who ask for one; it then joins this transaction.
"""

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from provider.infrastructure import built_once, event_log
from provider.infrastructure.connection_pool import Alone, Begun
from provider.infrastructure.engine import WRITES
from provider.infrastructure.follow_up import FollowUp
from provider.infrastructure.gathered import Gathered

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class OpenTransaction:
    """A transaction for the duration of its block; it takes a connection only when it needs one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        # On PostgreSQL, the driver's own connection until a SQLAlchemy connection is needed.
        self._begun: Begun | None = None
        # Whether only `connection_to_read` was used so far.
        self._only_reads = True
        # What is written at the commit.
        self.gathered = Gathered()
        self.follow_ups: list[FollowUp[Any]] = []

    def begin(self) -> None:
        """On SQLite, begin with the write lock: a transaction that reads first could fail to write later."""
        if self._is_sqlite:
            self.connection_to_read()

    @property
    def _is_sqlite(self) -> bool:
        return bool(self._engine.dialect.name == "sqlite")

    def connection(self) -> Connection:
        """Return the connection for writing."""
        self._only_reads = False
        if self._connection is None:
            self._connection = self._begin() if self._begun is None else self._begun.whole()
            self._begun = None
        return self._connection

    def connection_to_read(self) -> Connection | Alone:
        """Return the connection for statements that change nothing, although they may lock."""
        if self._connection is not None:
            return self._connection
        if self._is_sqlite:
            self._connection = self._begin()
            return self._connection
        if self._begun is None:
            self._begun = Begun(self._engine)
        return self._begun

    def _begin(self) -> Connection:
        connection = self._engine.connect()
        try:
            if self._is_sqlite:
                connection = connection.execution_options(**{WRITES: True})
            connection.begin()
        except BaseException:
            # Otherwise the pool would get it back when the error's traceback is deleted.
            connection.close()
            raise
        return connection

    def write_gathered(self) -> None:
        """Write what was gathered so far."""
        found, self.gathered = self.gathered, Gathered()
        if not found.is_empty:
            found.write(self.connection())

    def commit(self, session: "Session | None") -> None:
        """Write what was gathered, then the pending changes of a joined session, and commit."""
        if session is not None and session.in_transaction():
            self.write_gathered()
            session.commit()
        else:
            self._write_last()
        if self._begun is not None:
            built_once.commit(self._begun)
            self._begun.finish()
        if self._connection is not None:
            self._connection.commit()
            self._connection.close()

    def _write_last(self) -> None:
        """Write what was gathered in one round trip with the commit, if that is atomic."""
        found = self.gathered
        if found.is_empty or self._is_sqlite or not (found.is_atomic and self._only_reads):
            self.write_gathered()
        elif (connection := self._connection or self._begun) is not None:
            found.write_and_commit(connection)
        else:
            # A single atomic statement needs no transaction.
            with closing(Alone(self._engine)) as alone:
                found.write_alone(alone)

    def roll_back(self, session: "Session | None") -> None:
        """Roll back and give the connection back, or drop it if even that cannot be said."""
        if session is not None:
            session.rollback()
        connection = self._connection if self._begun is None else self._begun.whole()
        if connection is not None:
            try:
                connection.rollback()
                connection.close()
            except Exception as exc:  # noqa: BLE001 – logged; the connection is dropped.
                event_log.warning("database_lost_at_rollback", kind=type(exc).__name__)
                with suppress(Exception):
                    connection.invalidate()
