"""Count in each session how often its person has taken back consent.

Consent is read without a lock. What was decided by it before it was withdrawn was written afterwards, and
the app was allowed again what the person had just taken from it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counter; sessions of the previous release begin at nought."""
    op.add_column("session", sa.Column("consent_epoch", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the counter."""
    op.drop_column("session", "consent_epoch")
