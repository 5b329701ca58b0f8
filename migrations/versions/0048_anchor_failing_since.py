"""Keep since when a target of audit anchors fails.

A target that fails already gets the instant of its next attempt.
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the previous release does not know it."""
    op.add_column("audit_anchor", sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("audit_anchor", "failing_since")
