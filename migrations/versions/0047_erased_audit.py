"""Let what is personal be erased from audit entries without breaking their chain.

Entries of earlier releases have no salt; they are verified as they were made, and can be erased too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the previous release does not know them."""
    op.add_column("audit_event", sa.Column("salt", sa.String(length=64), nullable=True))
    op.add_column("audit_event", sa.Column("erased", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("audit_event", "erased")
    op.drop_column("audit_event", "salt")
