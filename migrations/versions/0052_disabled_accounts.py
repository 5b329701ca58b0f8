"""Find the accounts that are disabled.

Few of very many are; without the index the search reads every account.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_account_disabled", "account", ["id"], where=text("disabled_at IS NOT NULL")
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_account_disabled", "account")
