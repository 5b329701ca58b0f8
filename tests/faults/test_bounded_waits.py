"""The database falls silent or hangs: each request is bounded, readiness says so, liveness does not care."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
import requests

from tests.faults.databases import PostgresDatabase, PostgresServer
from tests.faults.site import Site
from tests.faults.test_databases_away import set_read_only
from tests.faults.visitors import COOKIE, Refused
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes
OpenSite = Callable[..., Site]
# The default deadline, and what a busy machine adds.
DEADLINE, SLACK = 5.0, 4.0
READ_ONLY = 4


def ask(site: Site, path: str, cookie: str = "") -> tuple[int, float, str]:
    """Return the status, the seconds that it took and the body."""
    began = time.monotonic()
    with requests.Session() as program:
        program.trust_env = False
        if cookie:
            program.cookies.set(COOKIE, cookie)
        response = program.get(f"{site.issuer}{path}", timeout=PATIENCE, allow_redirects=False)
    return response.status_code, time.monotonic() - began, response.text


@contextmanager
def no_standby(server: PostgresServer) -> Iterator[None]:
    """Every commit waits for a synchronous standby that is gone."""
    where = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    with psycopg.connect(where, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        admin.execute("SELECT pg_reload_conf()")
        wait_until(lambda: admin.execute("SHOW synchronous_standby_names").fetchone() == ("nobody",))
        try:
            yield
        finally:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
            admin.execute("SELECT pg_reload_conf()")


def wait_until_ready(site: Site) -> None:
    wait_until(lambda: ask(site, "/health/ready")[0] == 200)


def test_a_silent_database_keeps_each_request_for_the_deadline_at_most(open_site: OpenSite) -> None:
    site = open_site("postgresql", is_open=False, workers=0)
    wire = site.wire_to_database()
    site.open(workers=0)
    visit = site.visitors.sign_in("ada", ["red"])
    wire.poison(hole=True)

    with ThreadPoolExecutor(24) as people:
        # Thrice as many as there are threads, of a session: a request without one asks no database.
        asked = [people.submit(ask, site, "/account", visit.cookie) for _ in range(24)]
        wait_until(lambda: ask(site, "/health/ready")[0] == 503)
        for _ in range(10):
            status, seconds, _ = ask(site, "/health/live")
            assert (status, seconds < DEADLINE / 2) == (200, True)
        status, seconds, said = ask(site, "/health/ready")
        assert (status, seconds < DEADLINE) == (503, True), said
        responses = [response.result() for response in asked]

    assert {status for status, _, _ in responses} == {503}
    assert max(seconds for _, seconds, _ in responses) < DEADLINE + SLACK
    wire.heal()
    wait_until_ready(site)
    site.visitors.sign_out_until_answered(visit)


def test_a_person_is_served_by_another_node_though_the_first_was_cut_off(open_site: OpenSite) -> None:
    """Rows that were locked when it was cut off are free in time for the request that waits for them."""
    site = open_site("postgresql", is_open=False)
    wire = site.wire_to_database()
    site.start_web()
    visit = site.visitors.sign_in("ada", ["red"])
    site.settings["database_url"] = site.database.url
    other, first = site.start_other_web(), site.visitors.issuer
    is_cut = threading.Event()
    locks = "SELECT 1 FROM pg_locks WHERE relation = 'session'::regclass AND mode = 'RowExclusiveLock'"

    def cut_before_commit(frame: bytes) -> bool:
        if b"COMMIT" in frame and not is_cut.is_set() and site.database.rows(locks):
            wire.poison(hole=True)
            is_cut.set()
        return True

    wire.gate = cut_before_commit
    with ThreadPoolExecutor(1) as thread:
        lost = thread.submit(site.visitors.sign_out, visit)
        assert is_cut.wait(PATIENCE)
        began = time.monotonic()
        site.visitors.issuer = other

        site.visitors.sign_out(visit)

        assert time.monotonic() - began < DEADLINE + SLACK
        assert isinstance(lost.exception(), Refused)
    site.visitors.issuer = first
    assert not any(probe.worked for probe in site.visitors.probe(visit))


def test_a_dead_host_before_the_living_one_leaves_time_for_it(open_site: OpenSite) -> None:
    """The URL names two hosts, and the first takes connections without a word."""
    site = open_site("postgresql", is_open=False)
    wire = site.wire_to_database()
    wire.poison(hole=True)
    living = f"host=127.0.0.1:{wire.port}&host=127.0.0.1:{site.database.server.port}"
    options = "sslmode=disable&gssencmode=disable&target_session_attrs=read-write"
    site.settings["database_url"] = f"postgresql+psycopg://postgres@/{site.database.name}?{living}&{options}"

    site.open(workers=1)
    visit = site.visitors.sign_in("ada", ["red"])

    site.visitors.sign_out(visit)
    site.wait_until_settled()


def test_commits_that_hang_are_refused_and_make_it_not_ready(open_site: OpenSite) -> None:
    site = open_site("postgresql")
    site.visitors.sign_in("ada", ["red"])
    with no_standby(site.database.server):
        wait_until(lambda: ask(site, "/health/ready")[0] == 503)
        status, seconds, said = ask(site, "/health/ready")
        assert (status, seconds < DEADLINE) == (503, True)
        assert json.loads(said)["checks"]["write"]["status"] == "failed"
        began = time.monotonic()
        with pytest.raises(Refused) as refused:
            site.visitors.sign_in("ben", ["red"])
        assert time.monotonic() - began < DEADLINE + SLACK
        # A page, or an error for the app (rfc6749 §4.1.2.1).
        said = refused.value.location or ""
        assert refused.value.status == 503 or "error=temporarily_unavailable" in said
        assert ask(site, "/health/live")[0] == 200

    wait_until_ready(site)
    visit = site.visitors.sign_in("ben", ["red", "green"])
    site.visitors.sign_out_until_answered(visit)
    site.wait_until_settled()
    assert site.findings(disturbances=1) == []


def test_a_standby_is_not_worked_on(open_site: OpenSite) -> None:
    site = open_site("postgresql", is_open=False)
    standby = PostgresServer()
    try:
        shutil.rmtree(standby.data, ignore_errors=True)
        site.database.server.base_backup(standby.data)
        standby.start()
        site.settings["database_url"] = PostgresDatabase(standby, site.database.name).url

        for command in ("serve", "worker"):
            said = refusal_of(site, command)
            assert said.startswith("curfew: the database is read-only: it is a standby")
    finally:
        standby.stop()


def test_a_database_that_is_set_read_only_is_not_worked_on(open_site: OpenSite) -> None:
    site = open_site("postgresql", is_open=False)
    set_read_only(site.database, True)

    assert "default_transaction_read_only" in refusal_of(site, "serve")


def refusal_of(site: Site, command: str) -> str:
    """Return the one line with which a command is refused on a read-only database."""
    assert site.warm
    code, printed, errors = site.warm.run([command], site.environ())
    assert (code, printed, errors.count("\n")) == (READ_ONLY, "", 1), errors
    return errors


def test_a_command_waits_for_longer_than_a_request(open_site: OpenSite) -> None:
    site = open_site("postgresql", is_open=False, database_deadline="2s")
    long_enough = (
        "SELECT 1 AS waits FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        f" AND datname = '{site.database.name}' AND now() - query_start > interval '3 seconds'"
    )
    commands = threading.Thread(target=site.curfew, args=("user", "disable", "ada"))
    with site.database.locked("account"):
        commands.start()
        wait_until(lambda: site.database.rows(long_enough))
    commands.join(PATIENCE)

    assert site.database.rows("SELECT 1 FROM account WHERE username = 'ada' AND disabled_at IS NOT NULL")
