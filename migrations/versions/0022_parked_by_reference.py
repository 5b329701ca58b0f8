"""Park a pushed request once, however often a browser opens it.

Each opening copied up to 40 kB of parameters, so that a short address made a large row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the reference; rows without it hold their parameters themselves."""
    op.add_column("interaction", sa.Column("pushed_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    """Drop it; pushed requests that wait for an answer have to be begun again."""
    op.drop_column("interaction", "pushed_id")
