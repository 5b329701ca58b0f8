"""Changes and rows that a use case does not read again, gathered until its commit (LIB-25).

PostgreSQL is sent all of it as one statement: first the changes, each of which is tried only if those before
it met their rows, then the new rows. A use case without other statements needs no transaction around it.
SQLite, which has no round trips, runs one statement after the other.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    Connection,
    Insert,
    Select,
    Table,
    TableClause,
    Update,
    bindparam,
    column,
    exists,
    insert,
    literal_column,
    select,
)
from sqlalchemy import table as sql_table

from provider.infrastructure import built_once
from provider.infrastructure.connection_pool import Alone

# More rows than most requests write are sent table by table.
_MOST_ROWS = 8
# The present instant has this name in every statement; other names belong to one change each.
_NOW = "now"
_Rows = tuple[Table, tuple[str, ...]]
_Fetch = Callable[[Any, Select[Any], Mapping[str, Any]], list[built_once.Row]]


class Change(NamedTuple):
    """An update that has to meet its row, or an insert from a SELECT that may change a row instead."""

    statement: Update | Insert
    values: Mapping[str, Any]
    # Raised if it does not; None where that does not matter.
    otherwise: Exception | None
    # Whether it may take effect even if a later change meets no row.
    may_stay: bool


@dataclass(frozen=True, slots=True)
class Gathered:
    """The changes and the new rows of one use case, in their order."""

    changes: list[Change] = field(default_factory=list)
    rows: list[tuple[Table, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.changes or self.rows)

    @property
    def is_atomic(self) -> bool:
        """Whether PostgreSQL applies all of it or nothing, even without a transaction."""
        return self._is_one_statement and all(change.may_stay for change in self.changes[:-1])

    def write(self, connection: Connection) -> None:
        """Write it. Raises the error of the first change that meets no row."""
        if connection.dialect.name == "postgresql" and self._is_one_statement:
            self._write_at_once(connection, built_once.fetch)
            return
        for change in self.changes:
            _check(change, built_once.change(connection, change.statement, change.values))
        for table, rows in self._by_table().items():
            _insert_all(connection, table, rows)

    def write_alone(self, alone: Alone) -> None:
        """Write it on PostgreSQL as one statement without a transaction; only valid if `is_atomic`.

        Raises the error of the first change that meets no row, as `write` does.
        """
        self._write_at_once(alone, built_once.fetch)

    def write_and_commit(self, connection: Connection | Alone) -> None:
        """Write it on PostgreSQL and commit in the same round trip, where nothing else was written before.

        Raises the error of the first change that meets no row, as `write` does; it has to be atomic.
        """
        self._write_at_once(connection, built_once.fetch_and_commit)

    @property
    def _is_one_statement(self) -> bool:
        names = [name for change in self.changes for name in change.values if name != _NOW]
        return len(self.rows) <= _MOST_ROWS and len(names) == len(set(names))

    def _write_at_once(self, connection: Connection | Alone, fetch: _Fetch) -> None:
        # Lists, because a generator takes a call for each member.
        changes = tuple([(change.statement, change.otherwise is not None) for change in self.changes])
        rows = tuple([(table, tuple(values)) for table, values in self.rows])
        values = {name: value for change in self.changes for name, value in change.values.items()}
        for number, (_, row) in enumerate(self.rows):
            values |= zip(_parameters(number, len(row)), row.values(), strict=True)
        [met] = fetch(connection, _one_statement(changes, rows), values)
        for change, count in zip(self.changes, met[: len(self.changes)], strict=True):
            _check(change, count)

    def _by_table(self) -> dict[Table, list[Mapping[str, Any]]]:
        found: dict[Table, list[Mapping[str, Any]]] = {}
        for table, values in self.rows:
            found.setdefault(table, []).append(values)
        return found


def _insert_all(connection: Connection, table: Table, rows: list[Mapping[str, Any]]) -> None:
    if len(rows) == 1:
        built_once.change(connection, _insert(table, tuple(rows[0])), rows[0])
        return
    nulls = dict.fromkeys(sorted(set().union(*rows)))
    connection.execute(_insert(table, tuple(nulls)), [nulls | dict(row) for row in rows])


def _check(change: Change, met: int) -> None:
    if met != 1 and change.otherwise is not None:
        raise change.otherwise


@lru_cache(maxsize=128)
def _insert(table: Table, names: tuple[str, ...]) -> Insert:
    return insert(_part_of(table, names))


def _part_of(table: Table, names: Iterable[str]) -> TableClause:
    """Return a table of only these columns, which have no defaults: a column without a value is null."""
    return sql_table(table.name, *(column(name, table.c[name].type) for name in names))


@lru_cache(maxsize=128)
def _one_statement(changes: tuple[tuple[Update | Insert, bool], ...], rows: tuple[_Rows, ...]) -> Select[Any]:
    """Return one statement for changes, each with whether it decides about what follows, and new rows."""
    parts: list[CTE] = []
    before: CTE | None = None
    for number, (statement, decides) in enumerate(changes):
        ours = statement if before is None else _only_after(statement, before)
        part = ours.returning(literal_column("1").label("met")).cte(f"c{number}")
        parts.append(part)
        before = part if decides else before
    for number, (table, names) in enumerate(rows):
        parts.append(_row(number, table, names, before))
    # Null for a change that met no row: counting the rows would take PostgreSQL longer.
    met = [select(part.c.met).scalar_subquery() for part in parts[: len(changes)]]
    return select(*met, literal_column("1")).add_cte(*parts)


def _only_after(statement: Update | Insert, before: CTE) -> Update | Insert:
    is_met = exists(select(before.c.met))
    if isinstance(statement, Update):
        return statement.where(is_met)
    values: Any = statement.select
    names = list(values.selected_columns.keys())
    return statement.from_select(names, values.where(is_met), include_defaults=False)


def _row(number: int, table: Table, names: tuple[str, ...], before: CTE | None) -> CTE:
    part = _part_of(table, names)
    bound = zip(_parameters(number, len(names)), part.columns, strict=True)
    row = select(*(bindparam(name, type_=one.type) for name, one in bound))
    if before is not None:
        # As many rows as the change has met, which is one or none.
        row = row.select_from(before)
    return insert(part).from_select(list(names), row).cte(f"r{number}")


@cache
def _parameters(number: int, columns: int) -> tuple[str, ...]:
    return tuple(f"r{number}_{place}" for place in range(columns))
