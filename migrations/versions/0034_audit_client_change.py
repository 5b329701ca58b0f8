"""Find the changes of a client among all audit entries.

The console shows the history of a client, and would read the whole audit for it.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_CHANGES = "tag IN ('client_added', 'client_updated', 'client_removed', 'client_examined')"


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_audit_event_client_change", "audit_event", ["client_id", "at"], where=text(_CHANGES)
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_audit_event_client_change", "audit_event")
