"""Record who acted and from where, how a bulk logout is steered, and which access tokens are signed.

Commands wrote `admin` without a name; a bulk logout could be neither stopped nor re-paced; and the
preview of a sign-out could not say which tokens an API may believe without asking.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# What the previous release writes has none of them; all may be empty.
_ADDED = (
    *((table, "actor_name", sa.String(255)) for table in ("audit_event", "logout", "mass_ending")),
    *((table, "actor_origin", sa.String(255)) for table in ("audit_event", "logout", "mass_ending")),
    ("logout", "mass_ending_id", sa.Uuid()),
    ("mass_ending", "pace", sa.Integer()),
    ("mass_ending", "paced_until", sa.DateTime(timezone=True)),
    ("mass_ending", "stopped_at", sa.DateTime(timezone=True)),
    ("access_token", "is_signed", sa.Boolean()),
)


def upgrade() -> None:
    """Add the columns."""
    for table, name, kind in _ADDED:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_index("ix_logout_at", "logout", ["at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_logout_at", "logout")
    for table, name, _ in reversed(_ADDED):
        op.drop_column(table, name)
