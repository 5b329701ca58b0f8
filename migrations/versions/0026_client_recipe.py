"""Remember for which software a client was registered.

`curfew client recipe` then prints the configuration without being asked for which software.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; existing clients have no recipe."""
    op.add_column("client", sa.Column("recipe", sa.String(32), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("client", "recipe")
