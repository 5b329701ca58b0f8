"""Find the few people with a role among very many accounts.

Whether there is another administrator is asked before one may be disabled.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index, of which no row is a part yet."""
    online_change.create_index("ix_account_role", "account", ["role"], where=text("role IS NOT NULL"))


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_account_role", "account")
