"""Remember how each endpoint has been doing, who delivers, and what a client bears.

Workers must agree on which endpoints to leave in peace, and share the limits of each. The partial
indexes find one client's due deliveries, and those that expire, without reading all that wait.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 'pending'")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables, the columns and the indexes."""
    op.create_table(
        "endpoint_health",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("open_until", _INSTANT, nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("consecutive_failures", sa.Integer(), nullable=False),
        sa.Column("window_started_at", _INSTANT, nullable=True),
        sa.Column("window_attempts", sa.Integer(), nullable=False),
        sa.Column("window_failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", _INSTANT, nullable=True),
        sa.Column("last_failed_at", _INSTANT, nullable=True),
        sa.Column("last_outcome", sa.String(length=32), nullable=True),
        sa.Column("degraded_since", _INSTANT, nullable=True),
        sa.Column("told_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.id"],
            name=op.f("fk_endpoint_health_client_id_client"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_endpoint_health")),
    )
    op.create_index("ix_endpoint_health_failing_since", "endpoint_health", ["failing_since"])
    op.create_table(
        "delivery_worker",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_delivery_worker")),
    )
    op.add_column("client", sa.Column("slow", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("client", sa.Column("session_lifetime", sa.Interval(), nullable=True))
    for name, columns in _INDEXES.items():
        op.create_index(name, "delivery", columns, sqlite_where=_PENDING, postgresql_where=_PENDING)


def downgrade() -> None:
    """Drop the indexes, the columns and the tables."""
    for name in _INDEXES:
        op.drop_index(name, table_name="delivery")
    op.drop_column("client", "session_lifetime")
    op.drop_column("client", "slow")
    op.drop_table("delivery_worker")
    op.drop_table("endpoint_health")


_INDEXES = {
    "ix_delivery_client_id_pending": ["client_id", "priority", "next_attempt_at"],
    "ix_delivery_expiring": ["expires_at"],
}
