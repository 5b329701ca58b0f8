"""A provider with a few addresses that fail in the ways tests ask for."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask import request as current_request
from sqlalchemy.exc import OperationalError

from provider.app import create_app
from provider.config import Settings
from provider.infrastructure import current
from provider.infrastructure.database import db, transaction
from provider.protocol import errors
from provider.protocol.response_type import ResponseMode
from provider.web import cookies, csrf
from provider.web.addresses import client_address, client_networks
from provider.web.authorization_response import ResponseAddress
from provider.web.errors import send_errors_to
from provider.web.parameters import read_parameters
from tests.support.applications import opened
from tests.support.databases import migrate


@pytest.fixture
def database_url(sqlite_url: str, migrated: set[str]) -> str:
    """Manners do not depend on the database; one kind is enough. It holds the key of form tokens."""
    if sqlite_url not in migrated:
        migrate(sqlite_url)
        migrated.add(sqlite_url)
    return sqlite_url


@pytest.fixture
def signing_keys() -> None:
    """Nothing is signed here either."""


@pytest.fixture
def app(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """The provider, with the addresses of `failing` for the tests that ask for it."""
    adapt = add_failing_addresses if "failing" in request.fixturenames else None
    with opened(settings, adapt) as app:
        yield app


@pytest.fixture
def separate_app(settings: Settings) -> Iterator[Flask]:
    """A provider that no other test uses: routes can be added and its configuration changed."""
    app = create_app(settings)
    with app.app_context():
        yield app
        current.services().outbound.close()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def failing(app: Flask) -> Flask:
    """The provider; `/fail/<class>` raises that error, `/api/fail/<class>` does so for programs."""
    return app


def add_failing_addresses(app: Flask) -> None:
    def fail(name: str):
        raise getattr(errors, name)('the <b>"description"</b>\r\nof it', detail="for the log")

    def fail_at_app(name: str):
        send_errors_to(
            ResponseAddress(
                redirect_uri="https://red.test/callback?kept=1",
                client_id="red",
                response_mode=ResponseMode(),
                signature="RS256",
                state="a state & more",
            )
        )
        fail(name)

    def lose_database():
        raise OperationalError("SELECT secret", {"secret": "value"}, Exception("connection refused"))

    app.add_url_rule("/fail/<name>", "fail", fail)
    app.add_url_rule("/api/fail/<name>", "api_fail", fail)
    app.add_url_rule("/fail-at-app/<name>", "fail_at_app", fail_at_app)
    app.add_url_rule("/lose-database", "lose_database", lose_database)

    def write():
        with transaction():
            return "written"

    app.add_url_rule("/write", "write", write)
    app.add_url_rule("/break", "break", lambda: 1 // 0)
    app.add_url_rule("/read", "read", lambda: dict(read_parameters(current_request)), methods=["GET", "POST"])
    app.add_url_rule("/where", "where", lambda: {"address": client_address(), "networks": client_networks()})
    app.add_url_rule("/form", "form", lambda: {"token": csrf.token_for("a form")})
    app.add_url_rule("/form", "submit", lambda: csrf.check("a form") or "taken", methods=["POST"])
    app.add_url_rule("/session", "session", lambda: {"handle": cookies.session_handle()})
    app.add_url_rule("/keep/<handle>", "keep", lambda handle: cookies.keep_session(handle) or "kept")
    app.add_url_rule("/forget", "forget", lambda: cookies.forget_session() or "forgotten")
