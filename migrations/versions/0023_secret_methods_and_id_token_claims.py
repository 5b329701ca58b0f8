"""Keep which clients may send their secret either way, and what their ID Tokens say of a person.

Clients that exist keep what they had: the one method that they registered, and the claims that a request
names.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; the previous release writes rows without them."""
    op.add_column(
        "client", sa.Column("any_secret_method", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "client",
        sa.Column("id_token_claims", sa.String(length=16), nullable=False, server_default="requested"),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_column("client", "id_token_claims")
    op.drop_column("client", "any_secret_method")
