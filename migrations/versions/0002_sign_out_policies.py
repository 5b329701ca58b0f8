"""Give clients their sign-out policies, and bulk logouts their record.

A client may always have the person asked, or not be notified of mere expiry; a bulk logout is one
watermark whose rows and notifications follow in batches, and its progress must outlive any one process.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns with the defaults that change nothing, and the table."""
    # Plain ALTER TABLE, also on SQLite: a rebuilt table would lose the rows that refer to it.
    op.add_column(
        "client",
        sa.Column("confirm_sign_out", sa.String(16), nullable=False, server_default="when_needed"),
    )
    op.add_column(
        "client", sa.Column("told_of_expiry", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.create_table(
        "mass_ending",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("issued_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("initiator", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("correlation_id", sa.String(length=64), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.id"],
            name=op.f("fk_mass_ending_client_id_client"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mass_ending")),
    )


def downgrade() -> None:
    """Drop the table and the columns."""
    op.drop_table("mass_ending")
    op.drop_column("client", "told_of_expiry")
    op.drop_column("client", "confirm_sign_out")
