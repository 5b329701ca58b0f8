"""Configuration files are planned and applied the same on both kinds of database."""

import pytest

from tests.configuration.conftest import HEAD, SECRET
from tests.conftest import database_url  # noqa: F401 – in place of the one of this folder.


@pytest.mark.usefixtures("database_url")
def test_a_file_is_applied_once_and_its_objects_are_removed_by_pruning(curfew, shop):
    assert curfew("plan", shop, SHOP_SECRET=SECRET).out == "No changes.\n"
    exported = curfew("export", "--configuration", "shop-team").out
    assert "client_name: Shop" in exported
    assert SECRET not in exported

    shop.write_text(HEAD)
    plan = curfew("plan", shop, "--prune", "--json", code=2).json
    curfew("apply", shop, "--prune", "--plan", plan["hash"])

    assert curfew("client", "list", "--json").json == []
    assert curfew("resource", "list", "--json").json == []
