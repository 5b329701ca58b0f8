"""Find people by their e-mail address.

Without the index the search reads every account.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_account_folded_email", "account", ["folded_email"], where=text("folded_email IS NOT NULL")
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_account_folded_email", "account")
