"""Keep no index of authorization codes by grant.

A code is found by its digest or its identifier, and grants are never deleted, but each code wrote an entry.
"""

from provider.infrastructure import online_change

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_authorization_code_grant_id", "authorization_code")


def downgrade() -> None:
    """Build it again."""
    online_change.create_index("ix_authorization_code_grant_id", "authorization_code", ["grant_id"])
