"""Count which notifications of logouts were accepted within a minute, and keep which were not.

The share of a month would otherwise be counted over every delivery of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_MISSED = sa.text("late > 0 OR unreachable > 0")


def upgrade() -> None:
    """Add the tables; the previous release does not know them."""
    op.create_table(
        "judged_minute",
        sa.Column("begin", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("begin", name=op.f("pk_judged_minute")),
    )
    op.create_table(
        "notification_count",
        sa.Column("grain", sa.String(length=8), nullable=False),
        sa.Column("begin", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("in_time", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("unreachable", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("grain", "begin", "client_id", name=op.f("pk_notification_count")),
    )
    op.create_index("ix_notification_count_client_id", "notification_count", ["client_id", "grain", "begin"])
    op.create_index(
        "ix_notification_count_missed",
        "notification_count",
        ["grain", "begin"],
        sqlite_where=_MISSED,
        postgresql_where=_MISSED,
    )
    op.create_table(
        "missed_notification",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_missed_notification")),
    )
    op.create_index("ix_missed_notification_why", "missed_notification", ["why", "delivery_id"])
    op.create_index(
        "ix_missed_notification_client_id_why", "missed_notification", ["client_id", "why", "delivery_id"]
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("missed_notification")
    op.drop_table("notification_count")
    op.drop_table("judged_minute")
