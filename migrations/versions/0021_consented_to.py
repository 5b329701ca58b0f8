"""Keep what the consent page named, so that a later request for more is asked about.

A grant kept the scopes alone: once a person had agreed to them for one resource server, the same scopes
were given for every other without a page.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; a grant of before has none and counts as given for no server in particular."""
    op.add_column("grant", sa.Column("consented_to", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("grant", "consented_to")
