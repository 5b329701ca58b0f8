"""Prebuilt statements that run directly on the driver's connection, for the most frequent requests.

SQLAlchemy compiles such a statement once and says how its values are bound and read. The work it does around
each execution takes several times as long as the driver itself. Listeners of the engine see these statements
like any other, and errors are the same. On PostgreSQL several may share a round trip.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from sqlalchemy import JSON, Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from provider.infrastructure.connection_pool import Alone

Statement = Select[Any] | Insert | Update | Delete
Row = list[Any]
Processor = Callable[[Any], Any]


class Asked(NamedTuple):
    """A statement as the driver reads it, with the values of its parameters."""

    sql: str
    values: Any


class Done(NamedTuple):
    """The rows that a statement returned, and how many rows it changed."""

    rows: Sequence[Any]
    changed: int


# Far more than there are such statements; one that is rebuilt for each call would be evicted.
_MOST_STATEMENTS = 256


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as one kind of database reads it."""

    sql: str
    # Parameters whose values are part of the statement, and how the others are bound.
    fixed: dict[str, Any]
    binders: tuple[tuple[str, Processor | None], ...]
    # The order of parameters that have no names in the statement.
    order: tuple[str, ...] | None
    # Converters for columns where the driver does not return the final value.
    readers: tuple[tuple[int, Processor], ...]

    def bind(self, values: Mapping[str, Any]) -> dict[str, Any] | list[Any]:
        """Return the parameters as the driver takes them. Raises KeyError if one is missing."""
        bound = self.fixed.copy()
        for name, binder in self.binders:
            value = values[name]
            bound[name] = value if binder is None else binder(value)
        return bound if self.order is None else [bound[name] for name in self.order]

    def read(self, row: tuple[Any, ...]) -> Row:
        """Return the values of a row."""
        values = list(row)
        for index, reader in self.readers:
            value = values[index]
            # All of our types read NULL as None.
            if value is not None:
                values[index] = reader(value)
        return values


def fetch(
    connection: Connection | Alone, statement: Select[Any] | Update, values: Mapping[str, Any]
) -> list[Row]:
    """Return the rows of a statement; for an update, the rows of its RETURNING clause."""
    compiled = _compile(statement, connection.dialect)
    [(rows, _)] = _execute(connection, [Asked(compiled.sql, compiled.bind(values))])
    return [compiled.read(row) for row in rows]


def fetch_together(
    connection: Connection | Alone, *asked: tuple[Select[Any] | Update, Mapping[str, Any]]
) -> list[list[Row]]:
    """Return the rows of several statements, which take one round trip on PostgreSQL."""
    compiled = [(_compile(statement, connection.dialect), values) for statement, values in asked]
    found = _execute(connection, [Asked(one.sql, one.bind(values)) for one, values in compiled])
    return [[one.read(row) for row in rows] for (one, _), (rows, _) in zip(compiled, found, strict=True)]


def fetch_and_commit(
    connection: Connection | Alone, statement: Select[Any], values: Mapping[str, Any]
) -> list[Row]:
    """Return the rows of a statement that PostgreSQL gets with COMMIT; the caller still calls `commit`."""
    compiled = _compile(statement, connection.dialect)
    [(rows, _)] = _execute(connection, [Asked(compiled.sql, compiled.bind(values))], commits=True)
    return [compiled.read(row) for row in rows]


def commit(connection: Alone) -> None:
    """Commit. Raises what SQLAlchemy's `commit` does."""
    try:
        connection.driver.commit()
    except BaseException as exc:  # noqa: BLE001 – it is translated and raised.
        _raise_translated(connection, exc, ())


def change(connection: Connection, statement: Insert | Update | Delete, values: Mapping[str, Any]) -> int:
    """Run a statement that changes rows and return how many rows it affected."""
    compiled = _compile(statement, connection.dialect)
    return _execute(connection, [Asked(compiled.sql, compiled.bind(values))])[0].changed


def change_later(connection: Connection, statement: Insert | Update, values: Mapping[str, Any]) -> None:
    """Run a statement that changes rows with the next one or the commit, ignoring the number of rows."""
    compiled = _compile(statement, connection.dialect)
    asked = Asked(compiled.sql, compiled.bind(values))
    prepared = _prepared_statements(connection)
    if prepared is None:
        _execute(connection, [asked])
    else:
        prepared.send_later(*_announced(connection, [asked]))


def _execute(
    connection: Connection | Alone, asked: Sequence[Asked], *, commits: bool = False
) -> Sequence[Done]:
    """Return the rows and row counts of the statements. Raises the same errors as SQLAlchemy's `execute`."""
    asked = _announced(connection, asked)
    try:
        done = _run(connection, asked, commits=commits)
    except BaseException as exc:  # noqa: BLE001 – it is translated and raised.
        _raise_translated(connection, exc, asked)
    # There is rarely a listener, and SQLAlchemy's own check for one on a connection is slow.
    if listeners := connection.engine.dispatch.after_cursor_execute:
        for one in asked:
            for listener in listeners:
                listener(connection, None, one.sql, one.values, None, False)
    return done


def _raise_translated(connection: Connection | Alone, exc: BaseException, asked: Sequence[Asked]) -> NoReturn:
    is_of_driver = isinstance(exc, connection.dialect.loaded_dbapi.Error)
    text = "; ".join(one.sql for one in asked) if is_of_driver else None
    # LIB-24: SQLAlchemy's own translation, which also drops a connection that was lost.
    whole = connection.whole() if isinstance(connection, Alone) else connection
    whole._handle_dbapi_exception(exc, text, None, None, None)  # noqa: SLF001 – it has no public name.


def _announced(connection: Connection | Alone, asked: Sequence[Asked]) -> Sequence[Asked]:
    """Call the engine's listeners, which may change the text of a statement."""
    for listener in connection.engine.dispatch.before_cursor_execute or ():
        asked = [Asked(*listener(connection, None, *one, None, False)) for one in asked]
    return asked


def _run(connection: Connection | Alone, asked: Sequence[Asked], *, commits: bool) -> Sequence[Done]:
    prepared = _prepared_statements(connection)
    if prepared is not None:
        together: Sequence[Done] = prepared.run(asked, commits=commits)
        return together
    done = []
    for sql, values in asked:
        cursor = _driver_of(connection).cursor()
        cursor.execute(sql, values)
        done.append(Done(cursor.fetchall(), cursor.rowcount))
        cursor.close()
    return done


def _prepared_statements(connection: Connection | Alone) -> Any:
    """Return the connection's runner of prepared statements, which only PostgreSQL connections have."""
    return getattr(_driver_of(connection), "statements", None)


def _driver_of(connection: Connection | Alone) -> Any:
    return connection.driver if isinstance(connection, Alone) else connection.connection.dbapi_connection


@lru_cache(maxsize=_MOST_STATEMENTS)
def _compile(statement: Statement, dialect: Dialect) -> _Compiled:
    # The names of the columns that get values: otherwise an INSERT would ask for generated ones.
    keys = None
    if isinstance(statement, Insert) and statement.select is None:
        keys = list(statement.table.columns.keys())
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    if (
        not isinstance(compiled, SQLCompiler)
        or compiled.post_compile_params
        or compiled.literal_execute_params
    ):
        raise TypeError("the text of this statement depends on its values")
    fixed, binders = {}, []
    for parameter, name in compiled.bind_names.items():
        binder = _binder(_kind_of(parameter.type, dialect), dialect)
        if parameter.required:
            binders.append((name, binder))
        else:
            fixed[name] = binder(parameter.effective_value) if binder else parameter.effective_value
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    return _Compiled(compiled.string, fixed, tuple(binders), order, _readers(statement, dialect))


def _binder(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    """Return how values of a type are bound."""
    if not isinstance(kind, JSON):
        return kind.bind_processor(dialect)
    # As text for every database: the wrapper for PostgreSQL's driver is serialized by Python code as well.
    serialize = dialect._json_serializer or json.dumps  # noqa: SLF001 – `engine_options` gave it.
    none_as_null = kind.none_as_null
    return lambda value: None if value is None and none_as_null else serialize(value)


def _readers(statement: Statement, dialect: Dialect) -> tuple[tuple[int, Processor], ...]:
    columns: Any
    if isinstance(statement, Select):
        columns = statement.selected_columns
    else:
        # On a copy: SQLAlchemy caches this collection and would carry it into statements derived from this
        # one.
        columns = copy(statement).exported_columns
    found = (_kind_of(column.type, dialect).result_processor(dialect, None) for column in columns)
    return tuple((index, reader) for index, reader in enumerate(found) if reader is not None)


def _kind_of(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
