"""Keep no index of authorization codes by client session.

A code is found by its digest or its identifier, and client sessions are never deleted, but each code wrote an
entry.
"""

from provider.infrastructure import online_change

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_authorization_code_client_session_id", "authorization_code")


def downgrade() -> None:
    """Build it again."""
    online_change.create_index(
        "ix_authorization_code_client_session_id", "authorization_code", ["client_session_id"]
    )
