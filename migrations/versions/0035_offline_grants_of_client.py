"""Find the offline grants of a client among all that people gave it.

A client may have a million grants and ten offline ones; a list of these ten read all of them.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_grant_client_id_offline", "grant", ["client_id", "id"], where=text("offline")
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_grant_client_id_offline", "grant")
