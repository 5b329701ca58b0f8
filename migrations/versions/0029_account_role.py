"""Remember what a person may administer.

Until now all who could run the command administered; console and API need roles of people.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; existing people have no role."""
    op.add_column("account", sa.Column("role", sa.String(16), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("account", "role")
