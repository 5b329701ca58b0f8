"""Find the logouts that have ended client sessions of a client.

Without the index the search for a client's logouts reads every logout to find that there is none.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_client_session_client_id_logout_id",
        "client_session",
        ["client_id", "logout_id"],
        where=text("logout_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_client_session_client_id_logout_id", "client_session")
