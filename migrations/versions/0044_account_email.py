"""Keep people's e-mail addresses as searches compare them.

An operator who has an address alone had to read every account for it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; whose claims change fills it in."""
    op.add_column("account", sa.Column("folded_email", sa.String(255), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("account", "folded_email")
