"""Name the ended client session in every Logout Token, unless the operator chooses otherwise.

A token with `sub` alone ends every browser of the person, and it could not be sent any more once the person
had signed in again. Until now such tokens were the rule for clients without
`backchannel_logout_session_required`; what is still pending for them is split into one delivery for each
client session. What was booked as superseded although the person had no newer session has in truth expired.
"""

from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and bring the deliveries with `sub` alone into line with it."""
    op.add_column(
        "client", sa.Column("logout_token_names", sa.String(8), nullable=False, server_default="both")
    )
    connection = op.get_bind()
    pending = sa.select(_DELIVERY).where(_DELIVERY.c.state == "pending", _DELIVERY.c.sid.is_(None))
    for row in connection.execute(pending).mappings().all():
        _split(connection, dict(row))
    superseded = _DELIVERY.c.state == "superseded"
    connection.execute(_DELIVERY.update().where(superseded, ~_has_newer()).values(state="expired"))


def downgrade() -> None:
    """Drop the column; deliveries that name a client session go on as they are."""
    op.drop_column("client", "logout_token_names")


_ID, _INSTANT = sa.Uuid(), sa.DateTime(timezone=True)
_DELIVERY = sa.table(
    "delivery",
    *(sa.column(name, _ID) for name in ("id", "logout_id", "client_id", "account_id", "session_id")),
    *(sa.column(name, sa.String()) for name in ("kind", "subject_key", "sub", "sid", "state")),
    *(sa.column(name, sa.String()) for name in ("last_outcome", "last_url", "correlation_id", "lease_token")),
    *(sa.column(name, sa.Integer()) for name in ("priority", "attempt_count", "attempts_before_resend")),
    sa.column("last_status", sa.Integer()),
    *(sa.column(name, _INSTANT) for name in ("next_attempt_at", "leased_until", "created_at")),
    *(sa.column(name, _INSTANT) for name in ("first_attempt_at", "finished_at", "expires_at")),
)
_CLIENT_SESSION = sa.table(
    "client_session",
    *(sa.column(name, _ID) for name in ("id", "session_id", "client_id", "grant_id", "logout_id")),
    sa.column("sid", sa.String()),
    sa.column("created_at", _INSTANT),
)
_SESSION = sa.table("session", sa.column("id", _ID), sa.column("account_id", _ID))
_GRANT = sa.table(
    "grant",
    *(sa.column(name, _ID) for name in ("id", "client_id", "logout_id")),
    sa.column("sid", sa.String()),
)
# Nothing of the first attempts belongs to the deliveries that are split off.
_UNTRIED = {
    "attempt_count": 0,
    "attempts_before_resend": 0,
    "leased_until": None,
    "lease_token": None,
    "last_outcome": None,
    "last_status": None,
    "last_url": None,
    "first_attempt_at": None,
}


def _split(connection: sa.Connection, row: dict[str, Any]) -> None:
    """Let a delivery name the first client session that its logout ended, and add one for each other."""
    ended = _ended_by(connection, row)
    if not ended:
        return
    this_one = _DELIVERY.update().where(_DELIVERY.c.id == row["id"])
    connection.execute(this_one.values(ended[0]))
    for other in ended[1:]:
        connection.execute(_DELIVERY.insert().values(row | _UNTRIED | other | {"id": uuid4()}))


def _ended_by(connection: sa.Connection, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the deliveries must name: client sessions, or else the grants that outlived theirs."""
    share, grant = _CLIENT_SESSION.c, _GRANT.c
    shares = sa.select(share.id, share.sid, share.session_id).where(
        share.logout_id == row["logout_id"], share.client_id == row["client_id"]
    )
    in_a_session = sa.exists().where(share.grant_id == grant.id, share.logout_id == row["logout_id"])
    alone = sa.select(grant.id, grant.sid, sa.null()).where(
        grant.logout_id == row["logout_id"], grant.client_id == row["client_id"], ~in_a_session
    )
    found = [*connection.execute(shares.order_by(share.id)), *connection.execute(alone.order_by(grant.id))]
    return [
        {"sid": sid, "subject_key": f"sid:{id_}", "session_id": session_id} for id_, sid, session_id in found
    ]


def _has_newer() -> sa.ColumnElement[bool]:
    newer = _CLIENT_SESSION.join(_SESSION, _SESSION.c.id == _CLIENT_SESSION.c.session_id)
    return (
        sa.exists()
        .select_from(newer)
        .where(
            _CLIENT_SESSION.c.client_id == _DELIVERY.c.client_id,
            _CLIENT_SESSION.c.created_at > _DELIVERY.c.created_at,
            _SESSION.c.account_id == _DELIVERY.c.account_id,
        )
    )
