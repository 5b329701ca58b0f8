"""Remember which single claims a person let an app know, and which of them a token tells.

The `claims` parameter asks for claims one by one, beside the scopes; a token carries its own so that
no further statement is needed when they are shown.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("grant", "access_token", "refresh_token")


def upgrade() -> None:
    """Add the columns; what was issued before tells what its scopes say."""
    for table in _TABLES:
        op.add_column(table, sa.Column("claims", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    for table in reversed(_TABLES):
        op.drop_column(table, "claims")
