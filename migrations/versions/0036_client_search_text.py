"""Keep what a search of clients looks at apart from the rest of their registration.

A search by a part of a name read the JSON of every client.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; while it is empty, a search reads the registration."""
    op.add_column("client", sa.Column("search_text", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("client", "search_text")
