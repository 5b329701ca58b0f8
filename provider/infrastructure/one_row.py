"""Statements about one row over a table, built once: for what most requests do.

A flush, or a statement that is built for each row, finds out anew what can be known of its table, and takes
longer than the database needs for it.
"""

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Delete, Insert, Update, insert

from provider.infrastructure import built_once
from provider.infrastructure.database import Base, connection
from provider.infrastructure.read_only_rows import read_only

R = TypeVar("R", bound=Base)


def change_by(statement: Update | Delete, **values: object) -> int:
    """Run a conditional statement with these values; returns how many rows it met."""
    return built_once.change(connection(), statement, values)


def insert_row(kind: type[R], values: dict[str, Any]) -> R:
    """Insert a row and return it, to be read only; columns without a value are null.

    For tables to which most requests add: a flush finds out for each row what can be known of its table.
    PostgreSQL gets it together with the next statement or the commit, which then raises its errors.
    """
    built_once.change_later(connection(), _insert_into(kind), _nulls(kind) | values)
    return row_of(kind, values)


def row_of(kind: type[R], values: dict[str, Any]) -> R:
    """Return a row that is not in the database, to be read only; columns without a value are null."""
    return read_only(kind, (_nulls(kind) | values).items())


@cache
def _insert_into(kind: type[Base]) -> Insert:
    return insert(Base.metadata.tables[kind.__tablename__])


@cache
def _nulls(kind: type[Base]) -> dict[str, Any]:
    return dict.fromkeys(Base.metadata.tables[kind.__tablename__].columns.keys())
