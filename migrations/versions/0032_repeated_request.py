"""Keep the answers of the admin API for a day, so that a repeated request does nothing twice."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the previous release does not know it."""
    op.create_table(
        "repeated_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeated_request")),
        sa.UniqueConstraint("digest", name=op.f("uq_repeated_request_digest")),
    )
    op.create_index(op.f("ix_repeated_request_expires_at"), "repeated_request", ["expires_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("repeated_request")
