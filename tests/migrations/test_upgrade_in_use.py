"""`curfew db upgrade` on a PostgreSQL in use: it waits shortly, runs alone, and can be run again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Self

import psycopg
import pytest
import requests
from sqlalchemy import make_url

from provider.infrastructure import schema
from tests.migrations.conftest import Templates
from tests.migrations.programs import Release, environ_of, next_release
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmPrograms

pytestmark = pytest.mark.processes
TRY_AGAIN = 6
# The revision that comes after it changes the table of clients.
BEFORE = "0025"
WAITS_FOR_CLIENT = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'client'::regclass"
ADD_COLUMN = 'op.add_column("client", sa.Column("of_the_next_release", sa.Integer()))'
BUILD_INDEX = 'online_change.create_index("ix_client_next", "client", ["created_at"])'
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_client_next')"
BUILDS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND state = 'active'"


class Database:
    """A database of PostgreSQL, and what the command has to know of it."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url = url
        self.direct = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.environ = environ_of(url, data_dir)

    def ask(self, sql: str) -> object:
        with psycopg.connect(self.direct, autocommit=True) as connection:
            row = connection.execute(sql).fetchone()
            return row[0] if row else None

    @property
    def revision(self) -> object:
        return self.ask("SELECT version_num FROM alembic_version")

    @contextmanager
    def held(self, sql: str) -> Iterator[None]:
        """Hold the locks of a statement in a transaction that does nothing more."""
        with psycopg.connect(self.direct) as connection:
            connection.execute(sql)
            yield
            connection.rollback()

    def in_use(self) -> AbstractContextManager[None]:
        """A long report reads the clients."""
        return self.held("SELECT count(*) FROM client")

    def written_to(self) -> AbstractContextManager[None]:
        """Another transaction has changed a client, and has not committed it."""
        return self.held("LOCK TABLE client IN ROW EXCLUSIVE MODE")


@pytest.fixture
def older(postgresql_templates: Templates, tmp_path: Path) -> Database:
    return Database(postgresql_templates.copy(BEFORE, "in_use"), tmp_path / "data")


@pytest.fixture
def present(postgresql_templates: Templates, tmp_path: Path) -> Database:
    return Database(postgresql_templates.copy("head", "in_use"), tmp_path / "data")


@pytest.fixture
def release(warm_programs: WarmPrograms) -> Release:
    return Release(warm=warm_programs)


def test_a_table_in_use_is_waited_for_shortly_and_the_run_can_be_repeated(older, release):
    with older.in_use():
        refused = release.run(older.environ, "db", "upgrade", "--lock-timeout", "300ms")

        assert older.revision == BEFORE
    assert refused.returncode == TRY_AGAIN
    assert refused.stderr == (
        "curfew: migration 0026 was not applied: another transaction has held a lock for 300ms; "
        "the database is at 0025. Run `curfew db upgrade` again\n"
    )

    again = release.run(older.environ, "db", "upgrade")
    assert (again.returncode, older.revision) == (0, schema.newest_revision()), again.stderr


def test_a_statement_that_takes_too_long_is_given_up(older, release):
    limits = ("--lock-timeout", "1h", "--statement-timeout", "300ms")
    with older.in_use():
        refused = release.run(older.environ, "db", "upgrade", *limits)

    assert refused.returncode == TRY_AGAIN
    assert "see --statement-timeout" in refused.stderr
    assert older.revision == BEFORE


def test_a_second_run_waits_for_the_first(older, release, tmp_path):
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    patient = release.running(older.environ, logs[0], "db", "upgrade", "--lock-timeout", "90s")
    impatient = release.running(older.environ, logs[1], "db", "upgrade", "--lock-timeout", "1ms")
    with ExitStack() as stack:
        with older.in_use():
            first = stack.enter_context(patient)
            wait_until(lambda: older.ask(WAITS_FOR_CLIENT))
            second = stack.enter_context(impatient)
            wait_until(lambda: "another upgrade of this database" in logs[1].read_text())

        assert [each.process.wait(PATIENCE) for each in (first, second)] == [0, 0]
    assert older.revision == schema.newest_revision()


class Visits:
    """Requests that read the table of clients, one after the other, while something else goes on.

    Short pauses leave the machine to what goes on.
    """

    PAUSE = 0.02

    def __init__(self, issuer: str) -> None:
        self.url = f"{issuer}/authorize?client_id=unknown"
        self.statuses: set[int] = set()
        self.longest = 0.0
        self.count = 0
        self._over = threading.Event()

    def _visit(self) -> None:
        with requests.Session() as browser:
            browser.trust_env = False
            while not self._over.wait(self.PAUSE):
                began = time.monotonic()
                self.statuses.add(browser.get(self.url, timeout=PATIENCE).status_code)
                self.longest = max(self.longest, time.monotonic() - began)
                self.count += 1

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._visit) for _ in range(2)]
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.count)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def issuer(present: Database, release: Release, tmp_path: Path) -> Iterator[str]:
    """The present release serves the database."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    at = f"http://127.0.0.1:{port}"
    present.environ["CURFEW_ISSUER"] = at
    serve = ("serve", "--port", str(port), "--threads", "4")
    with release.running(present.environ, tmp_path / "serve.log", *serve):
        wait_until(lambda: _is_ready(at))
        yield at


def _is_ready(issuer: str) -> bool:
    try:
        return requests.get(f"{issuer}/health/ready", timeout=PATIENCE).status_code == 200
    except requests.ConnectionError:
        return False


def test_requests_wait_for_a_migration_no_longer_than_it_waits_for_its_lock(present, issuer, tmp_path):
    upgraded = next_release(tmp_path / "next", ADD_COLUMN)
    with present.in_use(), Visits(issuer) as visits:
        refused = upgraded.run(present.environ, "db", "upgrade", "--lock-timeout", "1s")
    assert refused.returncode == TRY_AGAIN, refused.stderr
    assert visits.statuses == {400}
    # They had to wait for the lock, and no longer.
    assert 0.5 < visits.longest < 10

    with Visits(issuer) as visits:
        done = upgraded.run(present.environ, "db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert visits.statuses == {400}


def test_an_index_is_built_beside_requests_and_built_again_after_a_kill(present, issuer, tmp_path):
    upgraded = next_release(tmp_path / "next", BUILD_INDEX)
    log = tmp_path / "upgrade.log"
    building = upgraded.running(present.environ, log, "db", "upgrade", "--lock-timeout", "1ms")
    with present.written_to(), Visits(issuer) as visits, building as killed:
        wait_until(lambda: present.ask(IS_VALID) is False)
        seen = visits.count
        wait_until(lambda: visits.count > seen + 5)
        killed.kill()
        # The server looks every two seconds whether the client of a statement is still there.
        wait_until(lambda: present.ask(BUILDS) == 0)
    assert visits.statuses == {400}
    assert present.ask(IS_VALID) is False
    assert present.revision == schema.newest_revision()

    done = upgraded.run(present.environ, "db", "upgrade")

    assert done.returncode == 0, done.stderr
    assert present.ask(IS_VALID) is True
