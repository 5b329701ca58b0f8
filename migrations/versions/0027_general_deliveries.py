"""Let a delivery be about anything: without a logout and a person, and with what its kind keeps about it.

A delivery said whose logout it tells of in columns that must not be empty, so that nothing but logouts could
be owed. The columns stay for the processes of the previous release, which read and write them.
"""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_MAY_BE_EMPTY = ("logout_id", "account_id", "sub")


def upgrade() -> None:
    """Let the columns of logouts be empty, and add the one for what a kind keeps."""
    if op.get_context().dialect.name == "sqlite":
        _rebuild(lambda sql, name: re.sub(rf"(\b{name} [A-Z]+\(\d+\)) NOT NULL", r"\1", sql))
    else:
        for name in _MAY_BE_EMPTY:
            op.alter_column("delivery", name, nullable=True)
    op.add_column("delivery", sa.Column("about", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Delete the deliveries that the older release could not send, and drop the column."""
    others = "SELECT id FROM delivery WHERE kind <> 'backchannel_logout'"
    op.execute(f"DELETE FROM delivery_attempt WHERE delivery_id IN ({others})")  # noqa: S608 – no value.
    op.execute("DELETE FROM delivery WHERE kind <> 'backchannel_logout'")
    if op.get_context().dialect.name == "sqlite":
        op.drop_column("delivery", "about")
        _rebuild(lambda sql, name: re.sub(rf"(\b{name} [A-Z]+\(\d+\))", r"\1 NOT NULL", sql))
        return
    # The check of the foreign keys of what was deleted must not wait for the end: the table is changed first.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.drop_column("delivery", "about")
    for name in reversed(_MAY_BE_EMPTY):
        op.alter_column("delivery", name, nullable=False)


def _rebuild(edit: Callable[[str, str], str]) -> None:
    """Make the table anew on SQLite, which can neither take NOT NULL away nor put it there.

    The rows wait in a table without constraints meanwhile. They come back before the commit, at which the
    attempts must find them again.
    """
    connection = op.get_bind()
    parts = sa.text(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'delivery' AND type = :type AND sql <> ''"
    )
    [table] = connection.scalars(parts, {"type": "table"})
    indexes = list(connection.scalars(parts, {"type": "index"}))
    for name in _MAY_BE_EMPTY:
        table = edit(table, name)
    op.execute("CREATE TABLE delivery_meanwhile AS SELECT * FROM delivery")
    op.drop_table("delivery")
    op.execute(table)
    op.execute("INSERT INTO delivery SELECT * FROM delivery_meanwhile")
    op.drop_table("delivery_meanwhile")
    for index in indexes:
        op.execute(index)
