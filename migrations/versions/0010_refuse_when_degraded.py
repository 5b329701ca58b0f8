"""Let an operator refuse new sign-ins at a client whose logout endpoint has failed for long.

An app that cannot be notified of a logout keeps people signed in; for some that is worse than being away.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; without a value nothing is refused."""
    op.add_column("client", sa.Column("refuse_when_degraded_for", sa.Interval(), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("client", "refuse_when_degraded_for")
