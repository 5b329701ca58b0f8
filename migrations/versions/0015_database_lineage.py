"""Add the lineage of the database: which history it holds, and where that was last known to be whole.

After a restored backup or the promotion of a standby that lagged behind, what was ended lives again, and
nothing in the database said that it is an older copy.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; its only row is made by the first process that looks."""
    op.create_table(
        "database_lineage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lineage_id", sa.String(32), nullable=False),
        sa.Column("succeeds", sa.String(32), nullable=True),
        sa.Column("system_identifier", sa.String(32), nullable=True),
        sa.Column("timeline", sa.Integer(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_database_lineage_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_database_lineage")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("database_lineage")
