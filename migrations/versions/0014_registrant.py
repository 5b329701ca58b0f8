"""Remember who registered a client that registered itself.

The clients of one registrant share what one of them may take of the delivery threads, so that a registrant
with a hundred apps that hang delays only them. For clients that are registered already the audit knows from
where.
"""

from ipaddress import IPv6Address, ip_address, ip_network

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_CLIENT = sa.table(
    "client",
    sa.column("client_id", sa.String()),
    sa.column("self_registered", sa.Boolean()),
    sa.column("registrant", sa.String()),
)
_AUDIT = sa.table(
    "audit_event",
    *(sa.column(name, sa.String()) for name in ("tag", "actor", "client_id", "ip")),
)


def upgrade() -> None:
    """Add the column, and fill it from the audit."""
    op.add_column("client", sa.Column("registrant", sa.String(255), nullable=True))
    connection = op.get_bind()
    registered = (
        sa.select(_CLIENT.c.client_id, _AUDIT.c.ip)
        .join(_AUDIT, _AUDIT.c.client_id == _CLIENT.c.client_id)
        .where(_CLIENT.c.self_registered, _AUDIT.c.tag == "client_added", _AUDIT.c.ip.is_not(None))
    )
    for client_id, ip in connection.execute(registered).all():
        this_one = _CLIENT.update().where(_CLIENT.c.client_id == client_id)
        connection.execute(this_one.values(registrant=_registrant_at(ip)))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("client", "registrant")


def _registrant_at(ip: str) -> str | None:
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    is_ipv6 = isinstance(address, IPv6Address)
    return f"network:{ip_network((address, 48), strict=False) if is_ipv6 else address}"
