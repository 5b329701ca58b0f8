"""Keep which configuration owns a client, a resource server or a role, and when each was last applied.

Files of several teams may describe one provider only if none of them changes what another one owns.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; the previous release does not know them."""
    op.create_table(
        "owned_object",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("configuration", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("kind", "object_id", name=op.f("pk_owned_object")),
    )
    op.create_index(op.f("ix_owned_object_configuration"), "owned_object", ["configuration"])
    op.create_table(
        "applied_configuration",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_applied_configuration")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("applied_configuration")
    op.drop_table("owned_object")
