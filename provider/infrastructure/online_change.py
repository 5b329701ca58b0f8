"""Migrations of large tables in use, without keeping requests waiting.

Each of these runs outside of a transaction on PostgreSQL, so that a revision with one of them does nothing
else: after an interruption the revision is run again from its beginning. On SQLite they are part of the
transaction of the upgrade.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from alembic import op
from alembic.runtime.migration import MigrationContext
from sqlalchemy import TextClause, text

# No request waits for these statements, but they wait for every transaction that began earlier.
_LONGEST_MILLISECONDS = 3_600_000
_LIMITS = text("SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')")
_STATE_OF_INDEX = text(
    "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(quote_ident(:name))"
)


class InvalidIndex(Exception):
    """An index was built without an error but cannot be used."""


def create_index(
    name: str,
    table: str,
    columns: Sequence[str],
    *,
    unique: bool = False,
    where: TextClause | None = None,
    ops: Mapping[str, str] | None = None,
) -> None:
    """Build an index while the table is written to. Raises InvalidIndex.

    `ops` are operator classes of PostgreSQL by column.

    An invalid one, which an interrupted run has left, is dropped first; a valid one is kept.
    """
    context = op.get_context()
    if context.dialect.name == "sqlite":
        op.create_index(name, table, columns, unique=unique, sqlite_where=where)
        return
    with _outside_of_a_transaction(context):
        if _is_valid(context, name) is False:
            _drop(name, table)
        op.create_index(
            name,
            table,
            columns,
            unique=unique,
            if_not_exists=True,
            postgresql_concurrently=True,
            postgresql_where=where,
            postgresql_ops=ops or {},
        )
        if not context.as_sql and not _is_valid(context, name):
            raise InvalidIndex(f"the index {name} is invalid; run the migration again")


def drop_index(name: str, table: str) -> None:
    """Drop an index, if it is still there, while the table is in use."""
    context = op.get_context()
    if context.dialect.name == "sqlite":
        op.drop_index(name, table_name=table)
        return
    with _outside_of_a_transaction(context):
        _drop(name, table)


def fill_in(table: str, assignment: str, *, where: str, batch: int = 5000) -> None:
    """Update the rows that meet a condition, until none does, in batches that are committed one by one.

    The assignment must make the condition untrue. `table` has a primary key `id`; all three are SQL.
    """
    context = op.get_context()
    if context.dialect.name == "sqlite":
        op.execute(f'UPDATE "{table}" SET {assignment} WHERE {where}')  # noqa: S608 – of a migration.
        return
    some = f'SELECT id FROM "{table}" WHERE {where} LIMIT {batch:d}'  # noqa: S608
    # Rows that change between the two statements are checked against the condition again.
    statement = text(f'UPDATE "{table}" SET {assignment} WHERE id IN ({some}) AND ({where})')  # noqa: S608
    with context.autocommit_block():
        if context.as_sql:
            op.execute(statement)
            return
        while op.get_bind().execute(statement).rowcount:
            continue


@contextmanager
def _outside_of_a_transaction(context: MigrationContext) -> Iterator[None]:
    """Leave the migration's transaction, and its limits, which are meant for statements that block others.

    After an error nothing else is run on this connection, so that its limits need not be set back.
    """
    with context.autocommit_block():
        if context.as_sql:
            yield
            return
        connection = op.get_bind()
        limits = {name: int(milliseconds) for name, milliseconds in connection.execute(_LIMITS)}
        op.execute("SET lock_timeout = 0")
        op.execute(f"SET statement_timeout = {max(limits['statement_timeout'], _LONGEST_MILLISECONDS)}")
        yield
        for name, milliseconds in limits.items():
            op.execute(f"SET {name} = {milliseconds}")


def _is_valid(context: MigrationContext, name: str) -> bool | None:
    """Return whether an index can be used; None if there is none."""
    if context.as_sql:
        return None
    state: bool | None = op.get_bind().scalar(_STATE_OF_INDEX, {"name": name})
    return state


def _drop(name: str, table: str) -> None:
    op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
