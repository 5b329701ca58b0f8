"""Fixtures of every test: an application over a real database, browsers, a clock to turn.

Each test runs on SQLite and on PostgreSQL. A worker process of the test run has its own databases,
made once by the migrations and emptied before each test.
"""

import gc
import itertools
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.command import compose
from provider.config import Settings
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from tests.factories import make_account, make_client
from tests.support.applications import opened, share_between_commands
from tests.support.chromium import chromium, context, kept_context, page  # noqa: F401 – fixtures.
from tests.support.collected_once import collect_once
from tests.support.databases import empty, migrate, postgres_database
from tests.support.distribution import Scheduling, arrange
from tests.support.fork_server import curfew_commands  # noqa: F401 – a fixture.
from tests.support.prepared import prepared_data  # noqa: F401 – a fixture.
from tests.support.signing_keys import provide as provide_signing_keys
from tests.support.warm_programs import warm_granian, warm_programs  # noqa: F401 – fixtures.

# The machine's load is no property of the code: neither the time of one example nor the time that drawing
# examples takes says anything on a busy one. `function_scoped_fixture` warns that all examples of a test
# share its fixtures, which is meant wherever one provider answers them all.
hypothesis.settings.register_profile(
    "curfew",
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("curfew")

FAST_SETTINGS = {
    "secret_key": "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktMTIzNDU",
    "argon2_memory": 1024,
    "argon2_passes": 1,
    "password_min_length": 8,
    "outbound_allow": ("127.0.0.0/8", "::1/128", "localhost"),
    "notify_budget": timedelta(0),
    # A test's own connection reads, then waits for its threads: no frozen process to defend against.
    "database_pause": timedelta(seconds=60),
}
# Hardly anything of a test is in a circle: looking for it every 700 objects takes a thirtieth of the run.
OBJECTS_BETWEEN_COLLECTIONS = 20_000
# What outlives two collections lives as long as the process, such as applications and their SQL.
COLLECTIONS_BEFORE_THE_OLDEST = 1_000_000
_folders = itertools.count()


@pytest.fixture(autouse=True)
def log_level() -> None:
    """Log as a provider does, whatever a command in this process has set for itself in an earlier test."""
    for name, level in ((None, logging.WARNING), ("curfew", logging.INFO)):
        logger = logging.getLogger(name)
        # To set a level clears what every logger has noted.
        if logger.level != level:
            logger.setLevel(level)


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a path that no other test has: what shared applications have opened they keep by its path.

    pytest's own looks through all earlier folders for a number, or gives a deleted one's path again.
    """
    return tmp_path_factory.mktemp(f"test-{next(_folders)}", numbered=False)


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'curfew.sqlite3'}"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    with postgres_database(tmp_path_factory, worker_id) as url:
        yield url


@pytest.fixture(scope="session")
def migrated() -> set[str]:
    """The databases that this process has brought up to date."""
    return set()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, migrated: set[str]) -> str:
    """An empty, migrated database of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    if url in migrated:
        empty(url)
    else:
        migrate(url)
        migrated.add(url)
    return url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a provider that is quick to test; a test may ask for its own by `settings_with`."""
    return Settings(database_url=database_url, data_dir=tmp_path / "data", **FAST_SETTINGS)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The provider, with its context pushed, so that rooms can be asked directly."""
    with opened(settings) as app:
        yield app


@pytest.fixture
def signing_keys(app: Flask) -> None:
    """The provider's signing keys."""
    with transaction():
        provide_signing_keys()


@pytest.fixture
def browser(app: Flask, signing_keys: None) -> Callable[[], FlaskClient]:
    """Makes browsers: test clients with a cookie jar each, reaching the provider under its issuer."""

    def make() -> FlaskClient:
        return app.test_client()

    return make


@pytest.fixture
def http(browser: Callable[[], FlaskClient]) -> FlaskClient:
    """Ada's browser."""
    return browser()


@pytest.fixture
def ada(app: Flask) -> Account:
    """Ada, who signs in."""
    return make_account("ada")


@pytest.fixture
def ben(app: Flask) -> Account:
    """Ben, another person."""
    return make_account("ben")


@pytest.fixture
def red(app: Flask) -> Client:
    """An app of the operator's."""
    return make_client("red")


@pytest.fixture
def green(app: Flask) -> Client:
    """Another one."""
    return make_client("green")


class TurnedClock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.instant = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.instant

    def turn(self, span: timedelta) -> datetime:
        """Turn it forward, or back with a negative span."""
        self.instant += span
        return self.instant


@pytest.fixture
def turned_clock() -> Iterator[TurnedClock]:
    """The provider's clock, standing still until the test turns it."""
    turned = TurnedClock()
    clock.use(turned)
    yield turned
    clock.use(None)


@pytest.fixture
def nothing_sealed(app: Flask) -> None:
    """Every request that waits for a sign-in is stored."""
    services = app.extensions["curfew"]
    app.extensions["curfew"] = replace(services, settings=replace(services.settings, sealed_request_bytes=0))


@pytest.fixture
def statements(app: Flask) -> Callable[[], "contextmanager[list[str]]"]:
    """Counts SQL statements: `with statements() as seen: …` and then `len(seen)`."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection, _cursor, statement, *_rest) -> None:
            # PostgreSQL's driver begins by itself and unseen.
            if not statement.startswith("BEGIN"):
                seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return counting


def pytest_configure(config: pytest.Config) -> None:
    """Run every test with the settings of the test alone, whatever the shell has set."""
    # Until all tests are collected nothing is garbage; looking for it takes a quarter of that time.
    gc.disable()
    compose()
    share_between_commands()
    for name in list(os.environ):
        if name.startswith("CURFEW_") and not name.startswith("CURFEW_TEST_"):
            del os.environ[name]
    # The embedded PostgreSQL warns about the runtime folder of machines without a login session.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    config.addinivalue_line("filterwarnings", "ignore:XDG_RUNTIME_DIR is not set")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Have the processes of a whole run forked by one that has collected all tests."""
    collect_once(config, specs)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests into the order in which they are distributed."""
    arrange(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Distribute slow tests one by one, groups as a whole, and all others by files."""
    return Scheduling(config, log)


def pytest_collection_finish() -> None:
    """Have the garbage collector skip what was collected: thousands of tests that live until the end."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 10, COLLECTIONS_BEFORE_THE_OLDEST)
    gc.enable()
