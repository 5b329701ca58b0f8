"""Index what waits for each recipient of a kind.

The index by client alone would read what waits for one kind to find what waits for another. It stays for the
processes of the previous release.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_NAME = "ix_delivery_recipient_pending"


def upgrade() -> None:
    """Build the index, which holds what waits."""
    columns = ["kind", "client_id", "priority", "next_attempt_at"]
    online_change.create_index(_NAME, "delivery", columns, where=text("state = 'pending'"))


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index(_NAME, "delivery")
