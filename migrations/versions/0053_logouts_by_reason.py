"""Find the logouts of a rare reason.

Without the index the search reads every logout to find that there is none.
"""

from provider.infrastructure import online_change

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index("ix_logout_reason_at", "logout", ["reason", "at"])


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_logout_reason_at", "logout")
