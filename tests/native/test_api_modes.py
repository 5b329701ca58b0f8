"""The protected API that verifies signed tokens: what it lets in, and what its page says of its knowledge."""

import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from curfew_rp import SessionIndex, store_from_url
from relying_party_demo.protected_api.app import create_app
from relying_party_demo.protected_api.config import ProtectedAPIConfig, WrongConfiguration
from tests.kit.other_provider import OtherProvider
from tests.kit.test_resource_server import API, access_token

OPTIONS = {"name": "archive", "client_id": "", "base_url": "http://localhost:8907"}


@pytest.fixture
def provider() -> Iterator[OtherProvider]:
    provider = OtherProvider()
    yield provider
    provider.stop()


@pytest.fixture
def logouts(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'blue-logouts.sqlite3'}"


@pytest.fixture
def archive(provider, logouts) -> Iterator[FlaskClient]:
    config = ProtectedAPIConfig(issuer=provider.issuer, audience=API, logouts=logouts, **OPTIONS)
    app = create_app(config)
    yield app.test_client()
    app.extensions["guard"].mode._store.close()


def test_a_token_is_refused_once_its_app_has_received_the_logout(archive, provider, logouts):
    bearer = {"Authorization": f"Bearer {access_token(provider, scope='balance', sid='sid-1')}"}
    index = SessionIndex(store_from_url(logouts), issuer=provider.issuer, client_id="shop")
    assert archive.get("/balance", headers=bearer).headers["Token-Freshness"].startswith("signed; age=")
    assert "None has arrived yet" in archive.get("/").text

    index.end(sub="ada", sid="sid-1", at=time.time())

    assert archive.get("/balance", headers=bearer).status_code == 401
    page = archive.get("/").text
    assert "Signed tokens, and the Logout Tokens that the apps have received" in page
    assert "The last one arrived at <time" in page
    assert archive.get("/state").json["last_heard_at"]
    index.store.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param({"audience": "https://api.example/"}, "belong together", id="no store"),
        pytest.param({"logouts": "memory:"}, "belong together", id="no audience"),
        pytest.param(
            {"audience": "x", "logouts": "memory:", "calls": "http://localhost:1"},
            "cannot call",
            id="no client",
        ),
        pytest.param({}, "client id or secret is missing", id="nothing to know by"),
    ],
)
def test_a_configuration_that_could_not_work_is_refused(wrong, said):
    with pytest.raises(WrongConfiguration, match=said):
        ProtectedAPIConfig(issuer="https://id.example", **OPTIONS, **wrong)
