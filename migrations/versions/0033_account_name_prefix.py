"""Find people by the beginning of their user name.

The unique index is in the order of a language, in which PostgreSQL looks for no prefix.
"""

from provider.infrastructure import online_change

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_account_folded_username_prefix",
        "account",
        ["folded_username"],
        ops={"folded_username": "text_pattern_ops"},
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_account_folded_username_prefix", "account")
