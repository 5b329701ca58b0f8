"""Let tokens be meant for a resource server, be bound to a key, and tell of their own sign-in.

A token's audience and key are asked at each use, so they stand in its row beside what else decides
whether it lives; a proof is used once by all processes together, so the database remembers it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables and the columns; a token of before has no audience and no key."""
    op.create_table(
        "resource",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identifier", sa.String(length=2000), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("access_token_format", sa.String(length=16), nullable=False),
        sa.Column("access_token_signing_alg", sa.String(length=16), nullable=True),
        sa.Column("access_token_lifetime", sa.Interval(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.id"],
            name=op.f("fk_resource_client_id_client"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
        sa.UniqueConstraint("identifier", name=op.f("uq_resource_identifier")),
    )
    op.create_table(
        "used_proof",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_used_proof")),
    )
    op.create_index(op.f("ix_used_proof_expires_at"), "used_proof", ["expires_at"])
    for table, columns in _ADDED.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Drop the columns and the tables."""
    for table, columns in _ADDED.items():
        for name in reversed(columns):
            op.drop_column(table, name)
    op.drop_index(op.f("ix_used_proof_expires_at"), table_name="used_proof")
    op.drop_table("used_proof")
    op.drop_table("resource")


_ADDED = {
    "access_token": {
        "audience": sa.JSON(),
        "cnf": sa.JSON(),
        "auth_time": _INSTANT,
        "acr": sa.String(length=255),
        "amr": sa.String(length=255),
    },
    "refresh_token": {
        "acr": sa.String(length=255),
        "amr": sa.String(length=255),
        "resources": sa.JSON(),
        "cnf": sa.JSON(),
    },
}
