"""Let a mass ending remember where it stands, and find what is listed by an index in its order.

A worker that carries on after a crash begins at the cursor. Without the partial indexes a client's mass
ending would read everything that the client ever had. A person's sessions and grants are listed in
the order of their identifiers; without an index of that order the whole table was read for them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LIVING = sa.text("ended_at IS NULL")
_UNREVOKED = sa.text("revoked_at IS NULL")


def upgrade() -> None:
    """Add the columns and the indexes."""
    op.add_column("mass_ending", sa.Column("phase", sa.String(16), nullable=False, server_default="sessions"))
    op.add_column("mass_ending", sa.Column("cursor", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_client_session_client_id_living",
        "client_session",
        ["client_id", "id"],
        sqlite_where=_LIVING,
        postgresql_where=_LIVING,
    )
    op.create_index(
        "ix_grant_client_id_unrevoked",
        "grant",
        ["client_id", "id"],
        sqlite_where=_UNREVOKED,
        postgresql_where=_UNREVOKED,
    )
    op.create_index("ix_session_account_id_id", "session", ["account_id", "id"])
    op.drop_index("ix_session_account_id_created_at", table_name="session")
    op.create_index("ix_grant_account_id_id", "grant", ["account_id", "id"])


def downgrade() -> None:
    """Drop the indexes and the columns, and bring back the one that was replaced."""
    op.drop_index("ix_grant_account_id_id", table_name="grant")
    op.create_index("ix_session_account_id_created_at", "session", ["account_id", "created_at", "id"])
    op.drop_index("ix_session_account_id_id", table_name="session")
    op.drop_index("ix_grant_client_id_unrevoked", table_name="grant")
    op.drop_index("ix_client_session_client_id_living", table_name="client_session")
    op.drop_column("mass_ending", "cursor")
    op.drop_column("mass_ending", "phase")
