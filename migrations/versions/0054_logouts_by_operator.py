"""Find the logouts that an operator has caused.

Few of very many are an operator's; without the index the search reads all of them.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    online_change.create_index(
        "ix_logout_actor_name_at", "logout", ["actor_name", "at"], where=text("actor_name IS NOT NULL")
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_logout_actor_name_at", "logout")
