"""Rows of tables that are only read, for the statements that nearly every request runs.

A row that the session looks after is made ready to be changed, which takes several times as long as the
database needs to find it. These rows hold values and nothing else: to change one, or to read a column that
its statement did not select, raises an error.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Select
from sqlalchemy.orm import InstrumentedAttribute

from provider.infrastructure.database import Base, read_connection

R = TypeVar("R", bound=Base)


class ReadOnly(Generic[R]):
    """Some columns of a table in a statement, by default all; `aliased` if the table has an alias there."""

    def __init__(self, kind: type[R], *names: str, aliased: Any = None) -> None:
        self._kind = kind
        self._names = names or tuple(column.key for column in kind.__table__.columns)
        self.columns: list[InstrumentedAttribute[Any]] = [
            getattr(aliased or kind, name) for name in self._names
        ]

    def take(self, values: Iterator[Any]) -> R:
        """Make a row of the next values of a statement's row."""
        row = object.__new__(self._kind)
        row.__dict__.update(zip(self._names, islice(values, len(self._names)), strict=True))
        return row

    def take_if_any(self, values: Iterator[Any]) -> R | None:
        """Do the same for a table that is joined from outside: None if there is no row of it."""
        row = self.take(values)
        return None if row.__dict__[self._names[0]] is None else row


def columns_of(*parts: ReadOnly[Any]) -> list[InstrumentedAttribute[Any]]:
    """Return the columns of some tables, in this order."""
    return [column for part in parts for column in part.columns]


def find_one(statement: Select[Any], values: Mapping[str, object]) -> Row[Any] | None:
    """Return the only row of a statement that was built once, or None."""
    with read_connection() as connection:
        return connection.execute(statement, values).one_or_none()
