"""Find the entries of an event.

Without the index the search for a rare one reads the entries of a week.
"""

from provider.infrastructure import online_change

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index("ix_audit_event_tag_at", "audit_event", ["tag", "at"])


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_audit_event_tag_at", "audit_event")
