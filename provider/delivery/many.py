"""Give many rows their own values in one statement.

The rows travel as one JSON text: an UPDATE for each of them would wait for the database as often, and
a list of VALUES is another statement for each length, which costs more to compile than to run.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Table, Text, Update, bindparam, cast, column, func, select, update

from provider.infrastructure.database import db, is_sqlite


def update_many(table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> int:
    """Update the rows that the key columns name, each with its values, and return how many that were."""
    sqlite = is_sqlite()
    zone = "" if sqlite else "+00:00"
    given = json.dumps([{name: _plain(value, zone) for name, value in row.items()} for row in rows])
    statement = _statement(table, tuple(rows[0]), key, sqlite=sqlite)
    done = db.session.connection().execute(statement, {"given_rows": given})
    return done.rowcount


@cache
def _statement(table: Table, names: tuple[str, ...], key: tuple[str, ...], *, sqlite: bool) -> Update:
    rows = bindparam("given_rows", type_=Text)
    if sqlite:
        each = func.json_each(rows).table_valued("value")
        members = [func.json_extract(each.c.value, f"$.{name}").label(name) for name in names]
        given: Any = select(*members).select_from(each).subquery("given")
    else:
        columns = [column(name, table.c[name].type) for name in names]
        recordset = func.json_to_recordset(cast(rows, JSON)).table_valued(*columns, name="given")
        given = recordset.render_derived(with_types=True)
    own = {name: given.c[name] for name in names if name not in key}
    return update(table).where(*(table.c[name] == given.c[name] for name in key)).values(own)


def _plain(value: Any, zone: str) -> Any:
    """Return a value as JSON that the database reads as it keeps it."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}{zone}"
    return value
