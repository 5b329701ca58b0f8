"""Index the deliveries that were given up.

They are few among very many that were accepted, and are counted at every scrape of the metrics.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_GIVEN_UP = sa.text("state IN ('rejected', 'expired', 'superseded')")


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_delivery_given_up", "delivery", ["state"], sqlite_where=_GIVEN_UP, postgresql_where=_GIVEN_UP
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_delivery_given_up", table_name="delivery")
