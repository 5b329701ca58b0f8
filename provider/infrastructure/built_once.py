"""Statements that were built once, run on the driver's own connection: for what most requests do.

SQLAlchemy compiles such a statement once and says how its values are bound and read. What it does around each
execution takes several times as long as the driver itself. Listeners of the engine see these statements like
any other, and errors are the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Statement = Select[Any] | Insert | Update | Delete
Row = list[Any]
Processor = Callable[[Any], Any]

# Far more than there are statements of this kind; one that is built for each call would not stay here.
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
    # How columns are read, where the driver returns something else than their value.
    readers: tuple[tuple[int, Processor], ...]
    # How the driver is to execute it.
    options: dict[str, bool]

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
            values[index] = reader(values[index])
        return values


def fetch(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a statement."""
    compiled = _compile(statement, connection.dialect)
    cursor = _execute(connection, compiled, values)
    rows = [compiled.read(row) for row in cursor.fetchall()]
    cursor.close()
    return rows


def change(connection: Connection, statement: Insert | Update | Delete, values: Mapping[str, Any]) -> int:
    """Run a statement that changes rows; returns how many it met."""
    cursor = _execute(connection, _compile(statement, connection.dialect), values)
    count: int = cursor.rowcount
    cursor.close()
    return count


def _execute(connection: Connection, compiled: _Compiled, values: Mapping[str, Any]) -> Any:
    """Return the driver's cursor after the execution. Raises what SQLAlchemy's `execute` does."""
    sql: Any = compiled.sql
    parameters: Any = compiled.bind(values)
    cursor = connection.connection.cursor()
    for listener in connection.dispatch.before_cursor_execute:
        sql, parameters = listener(connection, cursor, sql, parameters, None, False)
    try:
        cursor.execute(sql, parameters, **compiled.options)
    except BaseException as exc:  # noqa: BLE001 – it is translated and raised.
        is_of_driver = isinstance(exc, connection.dialect.loaded_dbapi.Error)
        # LIB-24: SQLAlchemy's own translation, which also drops a connection that was lost.
        connection._handle_dbapi_exception(exc, sql if is_of_driver else None, None, cursor, None)  # noqa: SLF001 – it has no public name.
    for listener in connection.dispatch.after_cursor_execute:
        listener(connection, cursor, sql, parameters, None, False)
    return cursor


@lru_cache(maxsize=_MOST_STATEMENTS)
def _compile(statement: Statement, dialect: Dialect) -> _Compiled:
    # The names of the columns that get values: otherwise an INSERT would ask for generated ones.
    keys = list(statement.table.columns.keys()) if isinstance(statement, Insert) else None
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    if (
        not isinstance(compiled, SQLCompiler)
        or compiled.post_compile_params
        or compiled.literal_execute_params
    ):
        raise TypeError("the text of this statement depends on its values")
    fixed, binders = {}, []
    for parameter, name in compiled.bind_names.items():
        binder = _kind_of(parameter.type, dialect).bind_processor(dialect)
        if parameter.required:
            binders.append((name, binder))
        else:
            fixed[name] = binder(parameter.effective_value) if binder else parameter.effective_value
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    # psycopg would have the server plan it anew until the fifth time.
    options = {"prepare": True} if dialect.driver == "psycopg" else {}
    return _Compiled(compiled.string, fixed, tuple(binders), order, _readers(statement, dialect), options)


def _readers(statement: Statement, dialect: Dialect) -> tuple[tuple[int, Processor], ...]:
    if not isinstance(statement, Select):
        return ()
    found = (
        _kind_of(column.type, dialect).result_processor(dialect, None)
        for column in statement.selected_columns
    )
    return tuple((index, reader) for index, reader in enumerate(found) if reader is not None)


def _kind_of(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
