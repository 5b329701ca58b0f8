"""Rows that the factories make: inserted by a statement that is built once, and known to the session.

A flush finds out for each row what can be known of its table, which takes three times as long.
"""

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.orm import make_transient_to_detached

from provider.infrastructure.database import Base, db
from provider.infrastructure.one_row import insert_row

R = TypeVar("R", bound=Base)


def insert(kind: type[R], **values: Any) -> R:
    """Insert a row in the open transaction; columns without a value get their default.

    It is returned as a flush leaves it: tests may change it.
    """
    row = insert_row(kind, _defaults_of(kind.__table__) | values)
    return known(kind, row)


def known(kind: type[R], row: R, *later: str) -> R:
    """Return an inserted row as the session knows it; columns of `later` are read when they are looked at."""
    entity = kind(**{name: value for name, value in row.__dict__.items() if name not in later})
    make_transient_to_detached(entity)
    db.session.add(entity)
    return entity


@cache
def _defaults_of(table: Table) -> dict[str, Any]:
    return {
        column.key: column.default.arg
        for column in table.columns
        if column.default is not None and column.default.is_scalar
    }
