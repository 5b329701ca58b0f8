"""The sites of the fault suite, opened on several hosts."""

import pytest

from tests.faults.conftest import broker, open_site, sites  # noqa: F401 – fixtures.


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these together: each starts a PostgreSQL and several processes of its own."""
    for item in items:
        if "tests/hosts/" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("hosts"))
