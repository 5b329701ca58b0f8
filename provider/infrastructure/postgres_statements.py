"""Prepared statements on the driver's own connection to PostgreSQL, several of them in one round trip.

A cursor of the driver takes twice as long for a statement as the connection below it. Here a cursor only
prepares a statement when a connection meets it for the first time. Imported only for PostgreSQL.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import psycopg
from psycopg import errors, generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from provider.infrastructure.built_once import Asked, Done

Row = list[Any]
_Send = Callable[[], None]
_BEGIN, _COMMIT = b"BEGIN", b"COMMIT"
_DONE = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})
# As SQLAlchemy writes parameters, and a literal percent sign beside them.
_PARAMETER = re.compile(r"%\((\w+)\)s|%%")
_MOST_TEXTS = 512


class _Text(NamedTuple):
    """A statement with numbered parameters, the names behind the numbers, and how values are sent."""

    text: bytes
    names: tuple[str, ...]
    formats: list[PyFormat]


class PreparedStatements:
    """The prepared statements of one connection, and the statements queued for its next round trip."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._transformer = Transformer(connection)
        self._waiting: list[Asked] = []

    def run(self, asked: Sequence[Asked], *, commits: bool = False) -> list[Done]:
        """Run statements in one round trip, after the queued ones.

        With `commits` the round trip includes COMMIT if all are prepared; otherwise the caller commits.
        """
        waiting, self._waiting = self._waiting, []
        sends = self._sends([*waiting, *asked])
        if sends is None:
            return [self._by_cursor(one) for one in (*waiting, *asked)][len(waiting) :]
        if commits:
            sends.append(partial(self._connection.pgconn.send_query_params, _COMMIT, None))
        results = self._exchange(sends)
        if commits:
            del results[-1]
        return [self._done(result) for result in results[len(results) - len(asked) :]]

    def send_later(self, asked: Asked) -> None:
        """Run a statement that returns nothing with the next one, or with the commit; at once without one."""
        self._waiting.append(asked)
        if self._connection.autocommit:
            self.send_waiting()

    def send_waiting(self) -> None:
        """Run the queued statements, before a cursor is used."""
        if self._waiting:
            self.run(())

    def commit(self) -> bool:
        """Run the queued statements and commit in one round trip; False if the driver has to commit."""
        sends = self._sends(self._waiting) if self._waiting else None
        if sends is None:
            self.send_waiting()
            return False
        self._waiting = []
        self._exchange([*sends, partial(self._connection.pgconn.send_query_params, _COMMIT, None)])
        return True

    def forget(self) -> None:
        """Drop the queued statements: their transaction is rolled back."""
        self._waiting = []

    def _sends(self, asked: Sequence[Asked]) -> list[_Send] | None:
        """Return how to send statements, with BEGIN where it is missing; None if one is not prepared yet."""
        connection = self._connection
        # LIB-24: the driver's own list, which it updates when it drops a statement.
        known = connection._prepared._names  # noqa: SLF001
        sends: list[_Send] = []
        if not connection.autocommit and connection.pgconn.transaction_status == TransactionStatus.IDLE:
            sends.append(partial(connection.pgconn.send_query_params, _BEGIN, None))
        for sql, values in asked:
            text, names, formats = _numbered(sql)
            sent = self._transformer.dump_sequence([values[name] for name in names], formats)
            key = (text, self._transformer.types or ())
            name = known.get(key)
            if name is None:
                return None
            known.move_to_end(key)
            sends.append(
                partial(
                    connection.pgconn.send_query_prepared,
                    name,
                    sent,
                    self._transformer.formats,
                    Format.BINARY,
                )
            )
        return sends

    def _by_cursor(self, asked: Asked) -> Done:
        """Run a statement by a cursor, which prepares it and begins a transaction where it should."""
        text, names, _ = _numbered(asked.sql)
        with psycopg.RawCursor(self._connection) as cursor:
            cursor.execute(text, [asked.values[name] for name in names], prepare=True, binary=True)
            rows = [list(row) for row in cursor] if cursor.pgresult and cursor.pgresult.nfields else []
            return Done(rows, cursor.rowcount)

    def _exchange(self, sends: Sequence[_Send]) -> list[PGresult]:
        """Send statements and return their results. Raises the error of the first that failed."""
        connection = self._connection
        with connection.lock:
            if len(sends) == 1:
                sends[0]()
                waiting = generators.execute(connection.pgconn)
            else:
                waiting = _in_pipeline(connection.pgconn, sends)
            results: list[PGresult] = connection.wait(waiting)
        for result in results:
            if result.status not in _DONE:
                raise errors.error_from_result(result, encoding=connection.info.encoding)
        return results

    def _done(self, result: PGresult) -> Done:
        rows: Sequence[Row] = ()
        if result.ntuples:
            self._transformer.set_pgresult(result)
            rows = self._transformer.load_rows(0, result.ntuples, list)
        return Done(rows, result.command_tuples or 0)


def _in_pipeline(pgconn: PGconn, sends: Sequence[_Send]) -> PQGen[list[PGresult]]:
    """Send statements together and read their results; after one fails, the server skips the rest."""
    pgconn.enter_pipeline_mode()
    try:
        for send in sends:
            send()
        pgconn.pipeline_sync()
        yield from generators.send(pgconn)
        results = []
        for _ in sends:
            results += yield from generators.fetch_many(pgconn)
        yield from generators.fetch_many(pgconn)
    finally:
        # A connection that was lost or given up cannot leave pipeline mode.
        if pgconn.status == ConnStatus.OK:
            pgconn.exit_pipeline_mode()
    return results


@lru_cache(maxsize=_MOST_TEXTS)
def _numbered(sql: str) -> _Text:
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

    text = _PARAMETER.sub(number, sql).encode()
    return _Text(text, tuple(numbers), [PyFormat.AUTO] * len(numbers))
