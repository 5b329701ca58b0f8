"""Objects that a configuration owns: the pages say so before one changes them by hand."""

import pytest

from provider.configuration.entries import Kind
from provider.infrastructure import owned_objects
from provider.infrastructure.database import transaction

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OWNER = "<bdi>shop-team</bdi>"


def test_the_owner_of_a_client_stands_where_it_is_seen_and_changed(console, red, green):
    with transaction():
        owned_objects.give(Kind.CLIENT, red.id, "shop-team")

    assert console.get("/admin/clients").text.count(f"owned by {OWNER}") == 1
    for page in ("", "/edit", "/access", "/secret"):
        assert OWNER in console.get(f"/admin/clients/{red.id}{page}").text, page
        assert 'id="managed"' not in console.get(f"/admin/clients/{green.id}{page}").text, page


def test_the_owner_of_a_role_stands_where_it_is_changed(console, cleo, ada):
    with transaction():
        for account in (cleo, ada):
            owned_objects.give(Kind.ROLE, account.id, "shop-team")

    assert OWNER in console.get(f"/admin/people/{cleo.id}/role").text
    # Her role was taken away by hand.
    assert OWNER not in console.get(f"/admin/people/{ada.id}/role").text
