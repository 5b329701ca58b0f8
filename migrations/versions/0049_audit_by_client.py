"""Find what the audit log says about a client.

Without the index the search reads the entries of a week, of which few may be the client's.
"""

from provider.infrastructure import online_change

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index("ix_audit_event_client_id_at", "audit_event", ["client_id", "at"])


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_audit_event_client_id_at", "audit_event")
