"""Tables rebuilt on SQLite, whose ALTER TABLE cannot change constraints."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

_PARTS = sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :table AND type = :type AND sql <> ''")


def rebuild(table: str, edit: Callable[[str], str]) -> None:
    """Make a table with its rows and indexes anew, from its edited CREATE TABLE; its columns stay the same.

    The rows wait in a table without constraints meanwhile. They come back before the commit, at which the
    rows that refer to them must find them again. Raises ValueError if the edit changes nothing.
    """
    connection = op.get_bind()
    [present] = connection.scalars(_PARTS, {"table": table, "type": "table"})
    indexes = list(connection.scalars(_PARTS, {"table": table, "type": "index"}))
    edited = edit(present)
    if edited == present:
        raise ValueError(f"the table {table} is not as the migration expects it: {present}")
    meanwhile = f"{table}_meanwhile"
    op.execute(f'CREATE TABLE "{meanwhile}" AS SELECT * FROM "{table}"')  # noqa: S608 – names of a migration.
    op.drop_table(table)
    op.execute(edited)
    op.execute(f'INSERT INTO "{table}" SELECT * FROM "{meanwhile}"')  # noqa: S608
    op.drop_table(meanwhile)
    for index in indexes:
        op.execute(index)
