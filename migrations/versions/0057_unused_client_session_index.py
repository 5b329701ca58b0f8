"""Keep no index of client sessions by client, ended ones included.

Nothing asks for the ended ones of a client, and clients are never deleted, but each new client session
wrote an entry.
"""

from provider.infrastructure import online_change

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_client_session_client_id", "client_session")


def downgrade() -> None:
    """Build it again."""
    online_change.create_index("ix_client_session_client_id", "client_session", ["client_id"])
