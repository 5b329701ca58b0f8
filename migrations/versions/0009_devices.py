"""Let devices without a browser sign in by a code (rfc8628), and services act for a person (rfc8693).

A device has no cookie and no pages, so its session must be distinguished from a browser's.
A token that was exchanged hangs on what its subject's hung on, and on the service that holds it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("session", sa.Column("is_device", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("client", sa.Column("may_exchange_tokens_of", sa.JSON(), nullable=True))
    # No foreign key: SQLite would have to build the table anew, and clients are never deleted.
    op.add_column("access_token", sa.Column("actor_id", sa.Uuid(), nullable=True))
    op.add_column("access_token", sa.Column("actor_epoch", sa.Integer(), nullable=True))
    op.create_table(
        "device_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_code_digest", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("client_epoch", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=True),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("next_poll_at", _INSTANT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("authenticated_at", _INSTANT, nullable=True),
        sa.Column("amr", sa.String(length=64), nullable=True),
        sa.Column("acr", sa.String(length=255), nullable=True),
        sa.Column("allowed_at", _INSTANT, nullable=True),
        sa.Column("denied_at", _INSTANT, nullable=True),
        sa.Column("used_at", _INSTANT, nullable=True),
        *(_refers_to(name) for name in ("account", "client", "session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_code")),
        sa.UniqueConstraint("digest", name=op.f("uq_device_code_digest")),
        sa.UniqueConstraint("user_code_digest", name=op.f("uq_device_code_user_code_digest")),
    )
    op.create_index(op.f("ix_device_code_expires_at"), "device_code", ["expires_at"])


def downgrade() -> None:
    """Drop the table and the column."""
    op.drop_table("device_code")
    op.drop_column("access_token", "actor_epoch")
    op.drop_column("access_token", "actor_id")
    op.drop_column("client", "may_exchange_tokens_of")
    op.drop_column("session", "is_device")


def _refers_to(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{table}_id"],
        [f"{table}.id"],
        name=op.f(f"fk_device_code_{table}_id_{table}"),
        initially="DEFERRED",
        deferrable=True,
    )
