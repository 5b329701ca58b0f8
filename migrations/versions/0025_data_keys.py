"""Keep data keys, so that the key-encryption key can be replaced.

Everything was derived from the key-encryption key itself, which could therefore never change.
"""

import sqlalchemy as sa
from alembic import op

from provider.infrastructure.database import UTCDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and the number of keys that went into a client's secret digests: so far one."""
    op.create_table(
        "data_key",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_by", sa.String(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("replaced_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("generation", "sealed_by", name=op.f("pk_data_key")),
    )
    op.add_column("client", sa.Column("secret_generation", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop both; what a later key has sealed cannot be opened then."""
    op.drop_column("client", "secret_generation")
    op.drop_table("data_key")
