"""Keep what was anchored of the audit chain at each place outside of the database."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the previous release does not know it."""
    op.create_table(
        "audit_anchor",
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("chain", sa.String(length=64), nullable=True),
        sa.Column("anchored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_audit_anchor")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("audit_anchor")
