"""A configuration of the shop team, as a file and as it is applied."""

from pathlib import Path

import pytest

from tests.cli.conftest import curfew, looking, own_sqlite  # noqa: F401 – fixtures.

SECRET = "a-secret-of-this-test-alone"
HEAD = "apiVersion: curfew/v1\nconfiguration: shop-team\n"
SHOP = """\
apiVersion: curfew/v1
configuration: shop-team
clients:
  shop:
    metadata:
      client_name: Shop
      redirect_uris: [https://shop.example/callback]
      backchannel_logout_uri: https://shop.example/backchannel-logout
    options: {first_party: true, grant_lifetime: 30d}
    secret: env:SHOP_SECRET
resources:
  https://api.example/: {name: Orders, scopes: [read, write], client_id: shop}
"""


@pytest.fixture
def database_url(own_sqlite):  # noqa: F811
    """Nothing here depends on the kind of database; races on PostgreSQL are in tests/races."""
    return own_sqlite


@pytest.fixture
def file(tmp_path):
    """Writes a file and returns its path."""

    def write(text: str, name: str = "shop.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def shop(curfew, file):  # noqa: F811
    """The configuration of the shop team, applied."""
    path = file(SHOP)
    curfew("apply", path, "--yes", SHOP_SECRET=SECRET)
    return path
