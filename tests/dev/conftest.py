"""One `curfew dev` for all tests of a worker, driven as a CI job in any language would."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests

from tests.support.scripted_server import Asked, Reply, ScriptedServer, scripted
from tests.support.waiting import PATIENCE, wait_until

CURFEW = Path(sys.executable).with_name("curfew")


def start(*arguments: str, environ: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [CURFEW, "dev", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )


class Dev:
    """The running provider, by its API."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.issuer: str = about["issuer"]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        sent = None if method == "GET" else json.dumps(body or {})
        usual = {} if method == "GET" else {"Content-Type": "application/json"}
        return requests.request(
            method, f"{self.issuer}/dev/api{path}", data=sent, headers=usual | headers, timeout=PATIENCE
        )

    def get(self, path: str) -> Any:
        return self.call("GET", path).json()

    def post(self, path: str, body: Any = None) -> Any:
        response = self.call("POST", path, body)
        assert response.ok, response.text
        return response.json()


@pytest.fixture(scope="package")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("temporary")
    environ = os.environ | {"TMPDIR": str(folder)}
    with start("--port", "0", "--json", "--stop-at-eof", environ=environ) as process:
        said = process.stdout.readline() if process.stdout else ""
        try:
            yield Dev(json.loads(said))
        finally:
            _, errors = process.communicate(timeout=PATIENCE)
        assert list(folder.iterdir()) == []
        logged = [json.loads(line) for line in errors.splitlines()]
        # Apps that refuse are worth a warning.
        assert (process.returncode, [one for one in logged if one["level"] != "warning"]) == (0, [])


@dataclass
class App:
    """An app that keeps nothing but what it was sent, and responds to notifications as instructed."""

    client_id: str
    secret: str
    server: ScriptedServer
    statuses: list[int] = field(default_factory=list)

    @property
    def redirect_uri(self) -> str:
        return f"{self.server.url}/callback"

    @property
    def tokens(self) -> list[str]:
        return [asked.body.partition("=")[2] for asked in self.server.asked if asked.path == "/backchannel"]


class Browser:
    """A browser in which a person is signed in without a page."""

    def __init__(self, dev: Dev, username: str) -> None:
        self.dev = dev
        self.http = requests.Session()
        begun = self.http.post(
            f"{dev.issuer}/dev/api/sessions", json={"username": username}, timeout=PATIENCE
        )
        assert begun.status_code == 201, begun.text
        self.session: dict[str, Any] = begun.json()

    def sign_in(self, rp: App, scope: str = "openid profile") -> dict[str, Any]:
        asked = {"client_id": rp.client_id, "redirect_uri": rp.redirect_uri, "response_type": "code"}
        response = self.http.get(
            f"{self.dev.issuer}/authorize",
            params=asked | {"scope": scope, "state": "s"},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
        redeemed = requests.post(
            f"{self.dev.issuer}/token",
            data={"grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri},
            auth=(rp.client_id, rp.secret),
            timeout=PATIENCE,
        )
        assert redeemed.status_code == 200, redeemed.text
        tokens: dict[str, Any] = redeemed.json()
        return tokens


@pytest.fixture
def person(dev: Dev) -> str:
    username: str = dev.post("/people")["username"]
    return username


@pytest.fixture
def rp(dev: Dev) -> Iterator[App]:
    """An app of this test alone; it accepts notifications unless `statuses` says otherwise."""

    def answer(_asked: Asked) -> Reply:
        return Reply(made.statuses.pop(0) if made.statuses else 200)

    with scripted(answer) as server:
        new = {"client_id": f"app-{uuid4().hex}", "backchannel_logout_uri": f"{server.url}/backchannel"}
        registered = dev.post("/clients", new)
        made = App(registered["client_id"], registered["client_secret"], server)
        yield made


def delivered(dev: Dev, rp: App, state: str = "accepted") -> list[dict[str, Any]]:
    """The deliveries to an app once all of them are in a state."""

    def look() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = dev.get(f"/deliveries?client_id={rp.client_id}")["deliveries"]
        return found if found and {one["state"] for one in found} == {state} else None

    return wait_until(look) or []
