"""`curfew version`."""

import platform
from importlib.metadata import version

from provider.infrastructure import schema


def test_it_needs_no_settings_and_no_database(curfew_alone):
    shown = curfew_alone("version", "--json", CURFEW_ISSUER="nonsense").json

    assert shown == {
        "version": version("curfew-op"),
        "python": platform.python_version(),
        "database_revision": schema.newest_revision(),
    }


def test_people_read_the_same(curfew_alone):
    shown = curfew_alone("version").out

    assert version("curfew-op") in shown
    assert schema.newest_revision() in shown
