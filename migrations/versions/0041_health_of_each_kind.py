"""Keep the health of an endpoint for each kind of delivery and recipient, whether or not that is a client.

One breaker for all kinds would hold the logouts of an app whose webhooks fail. The previous release writes
rows for logouts alone, of which the default says so.
"""

import re

import sqlalchemy as sa
from alembic import op

from provider.infrastructure.rebuild import rebuild

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_TABLE, _LOGOUTS = "endpoint_health", "backchannel_logout"
_PRIMARY, _FOREIGN = "pk_endpoint_health", "fk_endpoint_health_client_id_client"
_REFERENCE = (
    f"CONSTRAINT {_FOREIGN} FOREIGN KEY(client_id) REFERENCES client (id) DEFERRABLE INITIALLY DEFERRED"
)


def upgrade() -> None:
    """Add the kind to the primary key, and drop the foreign key to the clients."""
    kind = sa.Column("kind", sa.String(32), nullable=False, server_default=_LOGOUTS)
    op.add_column(_TABLE, kind)
    if op.get_context().dialect.name == "sqlite":
        rebuild(_TABLE, _without_reference)
        return
    op.drop_constraint(_FOREIGN, _TABLE, type_="foreignkey")
    op.drop_constraint(_PRIMARY, _TABLE, type_="primary")
    op.create_primary_key(_PRIMARY, _TABLE, ["kind", "client_id"])


def downgrade() -> None:
    """Forget the endpoints of other kinds, and restore both keys."""
    op.execute(f"DELETE FROM {_TABLE} WHERE kind <> '{_LOGOUTS}'")  # noqa: S608 – no value.
    if op.get_context().dialect.name == "sqlite":
        rebuild(_TABLE, _with_reference)
        op.drop_column(_TABLE, "kind")
        return
    op.drop_constraint(_PRIMARY, _TABLE, type_="primary")
    op.create_primary_key(_PRIMARY, _TABLE, ["client_id"])
    op.create_foreign_key(
        _FOREIGN, _TABLE, "client", ["client_id"], ["id"], deferrable=True, initially="DEFERRED"
    )
    op.drop_column(_TABLE, "kind")


def _without_reference(sql: str) -> str:
    return re.sub(rf",\s*{re.escape(_REFERENCE)}", "", sql).replace(
        "PRIMARY KEY (client_id)", "PRIMARY KEY (kind, client_id)"
    )


def _with_reference(sql: str) -> str:
    return sql.replace("PRIMARY KEY (kind, client_id)", f"PRIMARY KEY (client_id), \n\t{_REFERENCE}")
