"""The registrant of clients that had registered themselves before it was remembered."""

import sqlalchemy as sa

from provider.infrastructure import schema
from tests.migrations.test_logout_token_names import Rows

# What the audit has of a registration, and whom it tells to have registered the client.
REGISTRANTS = {
    "IPv4": ("192.0.2.1", "network:192.0.2.1"),
    "IPv6: the site": ("2001:db8:1:2::3", "network:2001:db8:1::/48"),
    "no address": ("garbage", None),
    "unknown": (None, None),
}


def test_the_audit_tells_from_where_clients_were_registered(engine_at):
    """All in one database: the migrations take much longer than their rows."""
    engine = engine_at("0013")
    rows = Rows(engine)
    for case, (ip, _) in REGISTRANTS.items():
        for client_id, self_registered in ((case, True), (f"the operator's, {case}", False)):
            rows.add("client", client_id=client_id, self_registered=self_registered)
            rows.add("audit_event", tag="client_added", actor="client", client_id=client_id, ip=ip)

    schema.upgrade(engine)

    with engine.connect() as connection:
        found = dict(connection.execute(sa.text("SELECT client_id, registrant FROM client")).all())
    assert found == {
        **{case: registrant for case, (_, registrant) in REGISTRANTS.items()},
        **{f"the operator's, {case}": None for case in REGISTRANTS},
    }
