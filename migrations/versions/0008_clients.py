"""Let clients register themselves, and see which of two secrets is still used.

A client that registered itself proves itself with a token of its own when it changes what it registered;
strangers may need an initial access token. Only digests of both are kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column(
        "client", sa.Column("self_registered", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for name, kind in _ADDED.items():
        op.add_column("client", sa.Column(name, kind, nullable=True))
    op.create_table(
        "initial_access_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("last_used_at", _INSTANT, nullable=True),
        sa.Column("expires_at", _INSTANT, nullable=True),
        sa.Column("revoked_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_initial_access_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_initial_access_token_digest")),
    )


def downgrade() -> None:
    """Drop the table and the columns."""
    op.drop_table("initial_access_token")
    for name in reversed(_ADDED):
        op.drop_column("client", name)
    op.drop_column("client", "self_registered")


_ADDED = {
    "registration_token_digest": sa.String(length=64),
    "secret_last_used_at": _INSTANT,
    "previous_secret_last_used_at": _INSTANT,
}
