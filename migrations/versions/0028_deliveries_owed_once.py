"""Owe what has no cause once for each kind and subject.

Of one cause each subject is owed once; a unique constraint takes empty causes for different ones.
"""

from sqlalchemy import text

from provider.infrastructure import online_change

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index, of which no row is a part yet."""
    online_change.create_index(
        "ix_delivery_kind_subject_key",
        "delivery",
        ["kind", "subject_key"],
        unique=True,
        where=text("logout_id IS NULL"),
    )


def downgrade() -> None:
    """Drop the index."""
    online_change.drop_index("ix_delivery_kind_subject_key", "delivery")
