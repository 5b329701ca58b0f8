"""No answer short of success is final: take up again what was rejected, and remember refusals.

An app that restarts answers 404 or 302 for a while, and one with a stale key set answers 400 (DLV-11).
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_GIVEN_UP = sa.text("state IN ('rejected', 'expired', 'superseded')")
_UNACCEPTED = sa.text("state IN ('rejected', 'expired', 'cancelled', 'superseded')")
_REFUSED_TWICE = sa.text("state = 'pending' AND refusals > 1")
_INSTANT = sa.DateTime(timezone=True)
_add = op.add_column
_delivery = sa.table(
    "delivery",
    sa.column("state", sa.String),
    sa.column("next_attempt_at", _INSTANT),
    sa.column("finished_at", _INSTANT),
    sa.column("expires_at", _INSTANT),
)


def upgrade() -> None:
    """Add the columns, index what is refused, and let rejected deliveries go on within their horizon."""
    if op.get_bind().dialect.name == "postgresql":
        # An earlier migration of this very transaction may have changed rows, whose checks would be deferred.
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _add("delivery", sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
    _add("delivery", sa.Column("unfinished_attempts", sa.Integer(), nullable=False, server_default="0"))
    _add("delivery", sa.Column("cancel_reason", sa.String(length=500), nullable=True))
    _add("endpoint_health", sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
    _add("endpoint_health", sa.Column("trial_asked_at", _INSTANT, nullable=True))
    failing = sa.Column("logout_endpoint_failing", sa.Boolean(), nullable=False, server_default=sa.false())
    _add("client", failing)
    _index_unaccepted(_UNACCEPTED)
    op.create_index(
        "ix_delivery_refusing",
        "delivery",
        ["client_id"],
        sqlite_where=_REFUSED_TWICE,
        postgresql_where=_REFUSED_TWICE,
    )
    now = datetime.now(UTC)
    rejected = _delivery.update().where(_delivery.c.state == "rejected")
    op.execute(rejected.where(_delivery.c.expires_at <= now).values(state="expired"))
    op.execute(rejected.values(state="pending", next_attempt_at=now, finished_at=None))


def downgrade() -> None:
    """Drop the indexes and the columns; the older release has no word for what was cancelled but rejected."""
    op.execute(_delivery.update().where(_delivery.c.state == "cancelled").values(state="rejected"))
    op.drop_index("ix_delivery_refusing", table_name="delivery")
    _index_unaccepted(_GIVEN_UP)
    op.drop_column("client", "logout_endpoint_failing")
    for name in ("trial_asked_at", "refusals"):
        op.drop_column("endpoint_health", name)
    for name in ("cancel_reason", "unfinished_attempts", "refusals"):
        op.drop_column("delivery", name)


def _index_unaccepted(condition: sa.TextClause) -> None:
    op.drop_index("ix_delivery_given_up", table_name="delivery")
    op.create_index(
        "ix_delivery_given_up", "delivery", ["state"], sqlite_where=condition, postgresql_where=condition
    )
