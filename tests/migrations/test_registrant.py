"""The registrant of clients that had registered themselves before it was remembered."""

import pytest
import sqlalchemy as sa

from provider.infrastructure import schema
from tests.migrations.test_logout_token_names import Rows
from tests.migrations.test_migrations import engine as engine  # noqa: PLC0414 – a fixture.


@pytest.mark.parametrize(
    ("ip", "registrant"),
    [
        pytest.param("192.0.2.1", "network:192.0.2.1", id="IPv4"),
        pytest.param("2001:db8:1:2::3", "network:2001:db8:1::/48", id="IPv6: the site"),
        pytest.param("garbage", None, id="no address"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_the_audit_tells_from_where_a_client_was_registered(engine, ip, registrant):
    schema.upgrade(engine, "0013")
    rows = Rows(engine)
    rows.add("client", client_id="theirs", self_registered=True)
    rows.add("client", client_id="operators", self_registered=False)
    for client_id in ("theirs", "operators"):
        rows.add("audit_event", tag="client_added", actor="client", client_id=client_id, ip=ip)

    schema.upgrade(engine)

    with engine.connect() as connection:
        found = dict(connection.execute(sa.text("SELECT client_id, registrant FROM client")).all())
    assert found == {"theirs": registrant, "operators": None}
