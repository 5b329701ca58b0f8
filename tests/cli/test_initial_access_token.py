"""`curfew initial-access-token`: the operator says who may register clients by itself."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.clients import initial_access
from provider.infrastructure.database import db

GROUP = "initial-access-token"


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


def test_a_token_is_made_listed_and_revoked(curfew, looking):
    made = curfew(GROUP, "create", "--name", "Ben", "--uses", 2, "--lifetime", "7d", "--json").json
    assert (made["name"], made["most_uses"], made["state"]) == ("Ben", 2, "good")
    with looking():
        assert initial_access.find_good(made["initial_access_token"])

    listed = curfew(GROUP, "list", "--json").json
    assert [one["id"] for one in listed] == [made["id"]]
    assert "initial_access_token" not in listed[0]
    assert "Ben" in curfew(GROUP, "list").out

    curfew(GROUP, "revoke", made["id"])
    assert "revoked" in curfew(GROUP, "list").out
    curfew(GROUP, "revoke", made["id"], code=1)
    with looking():
        assert initial_access.find_good(made["initial_access_token"]) is None
        tags = [event.tag for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]
    assert tags == ["initial_token_created", "initial_token_revoked"]


def test_people_see_it_once(curfew):
    shown = curfew(GROUP, "create", "--unlimited")

    assert "initial_access_token: cfi_" in shown.out
    assert "shown only once" in shown.err
    assert "0 of any" in curfew(GROUP, "list").out
    curfew(GROUP, "create", "--uses", 0, code=2)
    curfew(GROUP, "create", "--lifetime", "soon", code=2)
