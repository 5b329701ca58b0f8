"""Let the recipient of a delivery be anything that its kind identifies, and not clients alone.

Mail goes to people and webhooks to subscribers. The column keeps its name for the processes of the previous
release, whose recipients are all clients. PostgreSQL locks both tables for the moment that it takes.
"""

import re

from alembic import op

from provider.infrastructure.rebuild import rebuild

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_NAME = "fk_delivery_client_id_client"
_KEY = f"CONSTRAINT {_NAME} FOREIGN KEY(client_id) REFERENCES client (id) DEFERRABLE INITIALLY DEFERRED"
_OTHERS = "SELECT id FROM delivery WHERE client_id NOT IN (SELECT id FROM client)"


def upgrade() -> None:
    """Drop the foreign key to the clients."""
    if op.get_context().dialect.name == "sqlite":
        rebuild("delivery", lambda sql: re.sub(rf"{re.escape(_KEY)},\s*", "", sql))
    else:
        op.drop_constraint(_NAME, "delivery", type_="foreignkey")


def downgrade() -> None:
    """Delete the deliveries to others than clients, and restore the foreign key."""
    op.execute(f"DELETE FROM delivery_attempt WHERE delivery_id IN ({_OTHERS})")  # noqa: S608 – no value.
    op.execute(f"DELETE FROM delivery WHERE id IN ({_OTHERS})")  # noqa: S608
    if op.get_context().dialect.name == "sqlite":
        first = "CONSTRAINT fk_delivery_logout_id_logout"
        rebuild("delivery", lambda sql: sql.replace(first, f"{_KEY}, \n\t{first}"))
        return
    # The check of the foreign keys of what was deleted must not wait for the end: the table is changed first.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.create_foreign_key(
        _NAME, "delivery", "client", ["client_id"], ["id"], deferrable=True, initially="DEFERRED"
    )
