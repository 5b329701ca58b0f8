"""Let a client choose when people see the result of a sign-out, and keep where it was asked for.

With an address to return to, people did not see that an app was still not notified. And whether the session
of a browser lives on after an ending was derived from clocks, of which two servers have two.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; what the previous release writes gets the default."""
    op.add_column(
        "client", sa.Column("result_page", sa.String(16), nullable=False, server_default="when-pending")
    )
    op.add_column("logout", sa.Column("asked_in_session_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    """Drop both columns."""
    op.drop_column("logout", "asked_in_session_id")
    op.drop_column("client", "result_page")
