"""A fake provider, the red app in this process, and browsers that visit it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

# The folder of these tests has the name of the package, and pytest may put its parent on the path:
# the package itself must be found all the same.
sys.path.append(str(Path(__file__).parents[2]))

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from relying_party_demo.app import create_app
from relying_party_demo.config import RelyingPartyConfig
from relying_party_demo.relying_party import RelyingParty
from tests.support.fake_provider import FakeProvider, FakeProviderServer
from tests.support.waiting import PATIENCE

BASE_URL = "http://localhost:8901"


@dataclass
class Browser:
    """One person's browser at the red app; it follows redirects to the provider over HTTP."""

    http: FlaskClient

    def get(self, path: str) -> TestResponse:
        return self.http.get(path, base_url=BASE_URL)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.http.post(path, base_url=BASE_URL, **options)

    def go_to_provider(self, path: str = "/login") -> str:
        """Start a sign-in and return the way back that the provider answers with."""
        there = self.get(path).headers["Location"]
        back = requests.get(there, allow_redirects=False, timeout=PATIENCE).headers["Location"]
        return back.removeprefix(BASE_URL)

    def sign_in(self, path: str = "/login") -> TestResponse:
        return self.get(self.go_to_provider(path))

    def forget_provider(self) -> None:
        """As after the minutes for which an app keeps the provider's documents, or trusts in its failure."""
        keys = self.http.application.extensions["curfew_rp"].sessions.receiver.keys
        keys._metadata = keys._jwks = keys._failed_at = None

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/state").json
        return found

    def tokens(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/tokens").json
        return found


@dataclass
class App:
    """The red app."""

    flask: Flask
    rp: RelyingParty

    def browser(self) -> Browser:
        return Browser(self.flask.test_client())

    def tell(self, logout_token: str) -> TestResponse:
        """Send a Logout Token, as the provider does at a sign-out."""
        return self.flask.test_client().post("/backchannel-logout", data={"logout_token": logout_token})

    def events(self, event: str) -> list[dict[str, Any]]:
        found = self.flask.test_client().get("/api/events").json["events"]
        return [entry for entry in found if entry["event"] == event]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    server = FakeProviderServer()
    yield server.provider
    server.stop()


@pytest.fixture
def make_app(provider: FakeProvider, tmp_path: Path) -> Iterator[Any]:
    made: list[App] = []

    def make(**changes: Any) -> App:
        settings: dict[str, Any] = {
            "name": "red",
            "issuer": provider.issuer,
            "client_id": "red",
            "client_secret": "red-secret",
            "base_url": BASE_URL,
            "data_dir": tmp_path / "rp",
            "expose_tokens": True,
        }
        flask = create_app(RelyingPartyConfig(**{**settings, **changes}))
        made.append(App(flask, flask.extensions["relying_party"]))
        return made[-1]

    yield make
    for app in made:
        app.rp.database.close()
        app.rp.curfew.sessions.index.store.close()


@pytest.fixture
def red(make_app: Any) -> App:
    app: App = make_app()
    return app


@pytest.fixture
def ada(red: App) -> Browser:
    """Ada's browser, not signed in yet."""
    return red.browser()


def path_of(response: TestResponse) -> str:
    return urlsplit(response.headers["Location"]).path
