"""Statements about many rows that read the same however many rows there are.

The rows travel as one JSON text: a statement for each of them would wait for the database as often, and
a list of VALUES or of parameters is another statement for each length, which costs more to compile and
to send than to run.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Insert,
    Table,
    Text,
    Update,
    Uuid,
    any_,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
    update,
)

from provider.infrastructure import built_once
from provider.infrastructure.database import connection, is_sqlite


def update_later(table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> None:
    """Update rows by their key columns, each with its values; on PostgreSQL, with the next statement."""
    statement = _update(table, tuple(rows[0]), key, sqlite=is_sqlite())
    built_once.change_later(connection(), statement, {"given_rows": _as_text(rows)})


def insert_many(table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns."""
    statement = _insert(table, tuple(rows[0]), sqlite=is_sqlite())
    built_once.change(connection(), statement, {"given_rows": _as_text(rows)})


def insert_later(table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; on PostgreSQL, with the next statement or the commit, which then raises the errors."""
    statement = _insert(table, tuple(rows[0]), sqlite=is_sqlite())
    built_once.change_later(connection(), statement, {"given_rows": _as_text(rows)})


def is_among(id_column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return whether a column holds one of these identifiers; on PostgreSQL they are one parameter."""
    if is_sqlite():
        among: ColumnElement[bool] = id_column.in_(ids)
        return among
    return id_column == any_(bindparam(None, list(ids), type_=ARRAY(Uuid())))  # type: ignore[no-any-return]


def is_given(id_column: Any, *, sqlite: bool) -> ColumnElement[bool]:
    """Return the same condition for a prebuilt statement, which takes the values of `given_ids`."""
    if sqlite:
        each = func.json_each(bindparam("given_ids", type_=Text)).table_valued("value")
        among: ColumnElement[bool] = id_column.in_(select(each.c.value))
        return among
    return id_column == any_(bindparam("given_ids", type_=ARRAY(Uuid())))  # type: ignore[no-any-return]


def given_ids(ids: Iterable[UUID]) -> dict[str, Any]:
    """Return identifiers as the value that `is_given` asks for."""
    return {"given_ids": json.dumps([one.hex for one in ids]) if is_sqlite() else list(ids)}


@cache
def _update(table: Table, names: tuple[str, ...], key: tuple[str, ...], *, sqlite: bool) -> Update:
    given = _given(table, names, sqlite=sqlite)
    own = {name: given.c[name] for name in names if name not in key}
    return update(table).where(*(table.c[name] == given.c[name] for name in key)).values(own)


@cache
def _insert(table: Table, names: tuple[str, ...], *, sqlite: bool) -> Insert:
    given = _given(table, names, sqlite=sqlite)
    return insert(table).from_select(names, select(*(given.c[name] for name in names)))


def _given(table: Table, names: tuple[str, ...], *, sqlite: bool) -> Any:
    """Return the rows of the text as a table."""
    rows = bindparam("given_rows", type_=Text)
    if sqlite:
        each = func.json_each(rows).table_valued("value")
        members = [func.json_extract(each.c.value, f"$.{name}").label(name) for name in names]
        return select(*members).select_from(each).subquery("given")
    columns = [column(name, table.c[name].type) for name in names]
    recordset = func.json_to_recordset(cast(rows, JSON)).table_valued(*columns, name="given")
    return recordset.render_derived(with_types=True)


def _as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as JSON with values in the form in which the database stores them."""
    if is_sqlite():
        return json.dumps(rows, default=_plain_for_sqlite)
    # Several times faster than the standard library, and loaded only by processes that write many rows.
    from msgspec.json import encode

    return encode(rows).decode()


def _plain_for_sqlite(value: object) -> str:
    """Return what SQLite compares as text: instants all have the same length and no zone."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    raise TypeError(f"no column holds a {type(value).__name__}")
