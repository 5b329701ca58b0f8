"""Find what an operator did.

Few of very many entries are an operator's; without the index the search reads all of a week.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_audit_event_actor_name_at",
        "audit_event",
        ["actor_name", "at"],
        where=text("actor_name IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_audit_event_actor_name_at", "audit_event")
