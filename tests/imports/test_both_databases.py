"""An import reads and writes the same on both kinds of database; what the files say is tested on one."""

import pytest
from sqlalchemy import select

from provider.accounts import passwords
from provider.accounts.models import Account
from provider.accounts.queries import get_by_username
from provider.audit.models import AuditEvent
from provider.infrastructure.database import db
from tests.conftest import database_url  # noqa: F401 – in place of the one of this folder.
from tests.imports.test_keycloak_26 import FILE, PASSWORDS


@pytest.mark.usefixtures("database_url")
def test_people_and_clients_are_taken_once(curfew, looking):
    curfew("import", "keycloak", FILE, "--dry-run")
    assert curfew("user", "list", "--json").json == []

    curfew("import", "keycloak", FILE, "--yes")
    again = curfew("import", "keycloak", FILE, "--yes", "--json").json

    assert (again["clients"], again["people"]) == ({"already here": 8, "not taken": 1}, {"already here": 4})
    with looking():
        assert passwords.verify(get_by_username("ada"), PASSWORDS["ada"])
        assert sorted(db.session.scalars(select(Account.username))) == ["ada", "ben", "cleo", "fay"]
        assert len(db.session.scalars(select(AuditEvent)).all()) == 4 + 8
