"""A command starts quickly: it imports the libraries that it uses and no others."""

import os
import subprocess
import sys

import pytest

from provider.infrastructure import schema
from tests.migrations.test_migrations import revisions

pytestmark = pytest.mark.lengthy

# Each takes a tenth of the command's time or more to import.
HEAVY = {
    *("alembic", "celery", "kombu", "joserfc", "authlib", "babel", "granian", "rich", "limits", "redis"),
    *("jwt", "msgspec", "requests", "urllib3", "yaml"),
}
OF_REQUESTS = {f"provider.{room}" for room in ("web", "pages", "api", "endpoints", "oauth", "dev")}
# Listing clients changes nothing, so that it needs no room that does.
OF_CHANGES = {
    "argon2",
    "provider.administration",
    "provider.logout.bulk",
    "provider.accounts.common_passwords",
}
RUN = """
import sys
from provider.command import main
try:
    main()
except SystemExit as left:
    assert left.code == 0, left.code
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--version"], ["client", "list"], ["session", "list"]], ids=" ".join)
def test_a_command_imports_what_it_uses(own_sqlite, tmp_path, arguments):
    environ = {
        "PATH": os.environ["PATH"],
        "CURFEW_DATABASE_URL": own_sqlite,
        "CURFEW_DATA_DIR": str(tmp_path),
    }

    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    needless = HEAVY | OF_REQUESTS | (OF_CHANGES if arguments == ["client", "list"] else set())
    assert set(done.stderr.split()) & needless == set()


def test_the_newest_revision_is_the_last_of_the_migrations():
    """Read from the names of their files, because Alembic imports every one."""
    assert schema.newest_revision() == revisions()[-1]
