"""One provider for all foreign clients: `curfew serve` and a worker, on SQLite, with Ada as its person."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.browser import Browser
from tests.faults.databases import SQLiteDatabase
from tests.faults.site import PASSWORD, Site
from tests.interop.landing import Landing
from tests.support.waiting import PATIENCE
from tests.support.warm_programs import WarmPrograms

HERE = Path(__file__).parent
SCRIPT = HERE / "node" / "node_modules" / "oidc-client-ts" / "dist" / "browser" / "oidc-client-ts.min.js"

# What a person presses who is who she is and wants what she is asked.
BUTTONS = ("sign-in", "continue", "allow", "sign-out")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests in one process of the test run: they share a provider that takes long to start."""
    for item in items:
        if "tests/interop/" in item.nodeid:
            item.add_marker(pytest.mark.interop)
            item.add_marker(pytest.mark.xdist_group("interop"))


@pytest.fixture(scope="package")
def landing() -> Iterator[Landing]:
    """The server at which people and Logout Tokens arrive."""
    with Landing({"/spa": HERE / "spa.html", "/oidc-client-ts.js": SCRIPT}) as landing:
        yield landing


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, warm_programs: WarmPrograms) -> Iterator[Site]:
    """The provider."""
    folder = tmp_path_factory.mktemp("interop")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    database = SQLiteDatabase(folder / "curfew.sqlite3")
    settings = {"registration": "open", "dpop_nonce_required": "true"}
    site = Site(folder, database, {}, port, settings=settings, warm=warm_programs)
    ada = ["user", "add", "ada", "--claim", "email=ada@example.test", "--claim", "name=Ada Lovelace"]
    site.curfew_many([["db", "upgrade"], ["keys", "rotate", "--now"], ada])
    try:
        yield site.open(workers=1)
    finally:
        site.close()


@pytest.fixture(scope="package")
def register(site: Site) -> Callable[..., dict[str, Any]]:
    """Registers a client by its metadata, as anyone may; returns the response."""

    def register(**metadata: object) -> dict[str, Any]:
        response = requests.post(f"{site.issuer}/register", json=metadata, timeout=PATIENCE)
        assert response.status_code == HTTPStatus.CREATED, response.text
        return response.json()

    return register


@dataclass(frozen=True)
class Added:
    """A client that was added for its software, and the files of its recipe by their names.

    The secret of a public client is empty.
    """

    client_id: str
    secret: str
    files: dict[str, str]


@pytest.fixture(scope="package")
def add_for(site: Site) -> Callable[[str, str], Added]:
    """Registers an app by `curfew client add --for`, and has `curfew client recipe` print what to paste."""

    def add_for(software: str, base_url: str) -> Added:
        added = site.curfew("client", "add", "--for", software, "--base-url", base_url, "--json")
        client = json.loads(added)
        recipe = json.loads(site.curfew("client", "recipe", client["client_id"], "--json"))
        files = {file["name"]: file["text"] for file in recipe["files"]}
        return Added(client["client_id"], client.get("client_secret", ""), files)

    return add_for


class Person:
    """Ada at her browser, who signs in and agrees wherever she is asked."""

    def __init__(self) -> None:
        self.browser = Browser()

    def go(self, url: str) -> str:
        """Open an address and answer every page of the provider; returns where that led."""
        self.browser.open(url)
        while button := next(filter(self.browser.has, BUTTONS), None):
            typed = {"username": "ada", "password": PASSWORD} if button == "sign-in" else {}
            self.browser.press(button, **typed)
        return self.browser.url


@pytest.fixture
def ada() -> Person:
    return Person()


@pytest.fixture
def ada_elsewhere() -> Person:
    """Ada at another browser."""
    return Person()
