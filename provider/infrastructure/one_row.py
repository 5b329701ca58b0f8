"""Statements about one row over a table, built once: for what most requests do.

A flush, or a statement built for each row, derives the table's details anew each time and takes longer than
the database does.
"""

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Delete, Insert, Update, insert

from provider.infrastructure import built_once
from provider.infrastructure.database import Base, connection, gathered
from provider.infrastructure.gathered import Change
from provider.infrastructure.read_only_rows import read_only

R = TypeVar("R", bound=Base)


def change_by(statement: Update | Delete, **values: object) -> int:
    """Run a conditional statement with these values; returns how many rows it met."""
    return built_once.change(connection(), statement, values)


def change_at_commit(
    statement: Update | Insert,
    *,
    otherwise: Exception | None = None,
    may_stay: bool = False,
    **values: object,
) -> None:
    """Gather an update of one row, or an insert that may become one by ON CONFLICT.

    If it meets no row at the commit, `otherwise` is raised and nothing written. With `may_stay` it may take
    effect even if a change gathered later meets no row.
    """
    gathered().changes.append(Change(statement, values, otherwise, may_stay))


def insert_row(kind: type[R], values: dict[str, Any]) -> R:
    """Insert a row and return it, to be read only; columns without a value are null.

    For tables to which most requests add: a flush derives the table's details anew for each row. PostgreSQL
    gets it together with the next statement or the commit, which then raises its errors.
    """
    by_column = {column: values.get(name) for name, column in _columns(kind).items()}
    built_once.change_later(connection(), _insert_into(kind), by_column)
    return row_of(kind, values)


def insert_at_commit(kind: type[R], values: dict[str, Any]) -> R:
    """Return a row that is inserted right before the commit, for rows that nothing reads until then."""
    columns = _columns(kind)
    given = {columns[name]: value for name, value in values.items() if value is not None}
    gathered().rows.append((Base.metadata.tables[kind.__tablename__], given))
    return row_of(kind, values)


def row_of(kind: type[R], values: dict[str, Any]) -> R:
    """Return a row that is not in the database, to be read only; columns without a value are null."""
    return read_only(kind, (_nulls(kind) | values).items())


@cache
def _insert_into(kind: type[Base]) -> Insert:
    return insert(Base.metadata.tables[kind.__tablename__])


@cache
def _nulls(kind: type[Base]) -> dict[str, Any]:
    return dict.fromkeys(_columns(kind))


@cache
def _columns(kind: type[Base]) -> dict[str, str]:
    """Return the names of a table's columns by the names of its attributes; few differ."""
    return {one.key: one.columns[0].key for one in kind.__mapper__.column_attrs}
