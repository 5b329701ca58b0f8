"""Keep for each token whether it outlives its client session.

It was asked of the grant, which is an offline one as soon as the client has asked for offline_access
once: tokens that the same client was given without it outlived their session too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# A token of before without an answer is judged by its own scope, which for a refresh token is that of its
# code. An access token may be narrower than that, so it is looked up in the refresh token beside it.
_BACKFILL = """
UPDATE access_token SET offline = :true
WHERE expires_at > CURRENT_TIMESTAMP
AND grant_id IN (SELECT id FROM "grant" WHERE offline = :true)
AND EXISTS (
    SELECT 1 FROM refresh_token
    WHERE refresh_token.family_id = access_token.family_id
    AND ' ' || refresh_token.scope || ' ' LIKE '% offline_access %'
)
"""


def upgrade() -> None:
    """Add the columns, and say of the living access tokens of an offline grant what they came with."""
    for table in ("access_token", "refresh_token"):
        op.add_column(table, sa.Column("offline", sa.Boolean(), nullable=True))
    op.execute(sa.text(_BACKFILL).bindparams(true=True))


def downgrade() -> None:
    """Drop the columns."""
    for table in ("refresh_token", "access_token"):
        op.drop_column(table, "offline")
