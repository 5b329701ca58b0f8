"""Rows of tables that are only read, for the statements that nearly every request runs.

SQLAlchemy prepares every row of a session for changes, which takes several times as long as the database
needs to find it. These rows hold values and nothing else: to change one, or to read a column that its
statement did not select, raises an error.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Select
from sqlalchemy.exc import MultipleResultsFound
from sqlalchemy.orm import InstrumentedAttribute

from provider.infrastructure import built_once
from provider.infrastructure.connection_pool import Alone
from provider.infrastructure.database import Base, connection_to_read, db

R = TypeVar("R", bound=Base)
T = TypeVar("T")


class ReadOnly(Generic[R]):
    """Some columns of a table in a statement, by default all; `aliased` if the table has an alias there."""

    def __init__(self, kind: type[R], *names: str, aliased: Any = None) -> None:
        self._row_class: Any = _without_mapper(kind)
        self._names = names or tuple(column.key for column in kind.__table__.columns)
        self.columns: list[InstrumentedAttribute[Any]] = [
            getattr(aliased or kind, name) for name in self._names
        ]

    def take(self, values: Iterator[Any]) -> R:
        """Make a row of the next values of a statement's row."""
        row: R = object.__new__(self._row_class)
        # The names come first, so that `zip` takes no extra value when they end.
        row.__dict__.update(zip(self._names, values, strict=False))
        return row

    def take_row(self, row: list[Any] | None) -> R | None:
        """Make a row of all values of a statement's row; None without one."""
        return None if row is None else self.take(iter(row))

    def take_if_any(self, values: Iterator[Any]) -> R | None:
        """Do the same for a table that is joined from outside: None without a row of it.

        Of a row that is there, the first of the names has a value.
        """
        own = dict(zip(self._names, values, strict=False))
        if own[self._names[0]] is None:
            return None
        row: R = object.__new__(self._row_class)
        row.__dict__.update(own)
        return row


class NotSelected(LookupError):
    """The statement that found a row did not select this column."""


class _Row:
    """The base of all rows: the values, with the methods and properties of their table's class."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # No AttributeError: a default must not stand in for what was not read.
        raise NotSelected(f"{name} of a {type(self).__name__} was not selected")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} of a {type(self).__name__} that is only read")


def read_only(kind: type[R], values: Iterable[tuple[str, Any]]) -> R:
    """Return a row of a table with these values of its columns, which is only read."""
    row: R = object.__new__(_without_mapper(kind))  # type: ignore[assignment]  # It behaves like one when read.
    row.__dict__.update(values)
    return row


@cache
def _without_mapper(kind: type[Base]) -> type[_Row]:
    """Return a class with the methods and properties of a table's, whose columns are plain values.

    A mapped class asks the mapper for each value of a row.
    """
    own = {
        name: member
        for cls in reversed(kind.__mro__)
        for name, member in vars(cls).items()
        if not name.startswith(("__", "_sa_")) and not isinstance(member, InstrumentedAttribute)
    }
    return type(kind.__name__, (_Row,), own)


def columns_of(*parts: ReadOnly[Any]) -> list[InstrumentedAttribute[Any]]:
    """Return the columns of these tables, in order."""
    return [column for part in parts for column in part.columns]


def find_one(statement: Select[Any], values: Mapping[str, object]) -> list[Any] | None:
    """Return the values of the only row of a statement that was built once, or None."""
    return _only_one(list_rows(statement, values))


def find_together(*asked: tuple[Select[Any], Mapping[str, object]]) -> list[list[Any] | None]:
    """Do the same for several statements in one round trip."""
    found = _on_connection(lambda known: built_once.fetch_together(known, *asked))
    return [_only_one(rows) for rows in found]


def list_rows(statement: Select[Any], values: Mapping[str, object]) -> list[list[Any]]:
    """Return the values of all rows of a statement that was built once."""
    return _on_connection(lambda known: built_once.fetch(known, statement, values))


def _only_one(rows: list[list[Any]]) -> list[Any] | None:
    if len(rows) > 1:
        raise MultipleResultsFound("a statement about one row has found several")
    return rows[0] if rows else None


def _on_connection(fetch: Callable[[Connection | Alone], T]) -> T:
    """Run statements on the connection of the current work, or on one of their own.

    Without an open transaction or other reads it is given back at once, and no session is made.
    """
    known = connection_to_read()
    if known is not None:
        return fetch(known)
    alone = Alone(db.engine)
    try:
        return fetch(alone)
    finally:
        alone.close()
