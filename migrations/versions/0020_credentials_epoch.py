"""Let what a client got by its credentials alone end with them.

A token that a client got for itself, or in exchange for a person's, outlived the secret that it was got by.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counter and its copy; a token without one ends with the first credential withdrawn."""
    op.add_column("client", sa.Column("credentials_epoch", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("access_token", sa.Column("credentials_epoch", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("access_token", "credentials_epoch")
    op.drop_column("client", "credentials_epoch")
