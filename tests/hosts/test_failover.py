"""A primary dies and its standby takes over: what was lost is noticed, and what was not is accepted."""

import json
import shutil
from collections.abc import Iterator

import psycopg
import pytest

from tests.faults.databases import PostgresDatabase, PostgresServer
from tests.faults.site import Site
from tests.hosts.nodes import readiness
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.long]
OLDER = 5


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.make()
    yield server
    server.stop()


@pytest.fixture
def standby(primary, site) -> Iterator[PostgresServer]:
    """Follows the primary, asynchronously; it is made once the site stands."""
    server = PostgresServer()
    shutil.rmtree(server.data, ignore_errors=True)
    primary.base_backup(server.data)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(open_site, primary) -> Site:
    site = open_site("postgresql", is_open=False)
    site.database = primary.copy_of()
    site.settings["database_url"] = site.database.url
    site.prepare()
    return site


def admin(server: PostgresServer, sql: str) -> list:
    where = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    with psycopg.connect(where, autocommit=True) as connection:
        done = connection.execute(sql)
        return done.fetchall() if done.description else []


def has_caught_up(primary: PostgresServer) -> None:
    wait_until(
        lambda: admin(primary, "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()")
    )


def history_of(site: Site) -> dict:
    """Return the readiness check of the database's history."""
    return readiness(site.port).get("checks", {}).get("history", {})


def fail_over(site: Site, wire, standby: PostgresServer) -> None:
    wire.target = ("127.0.0.1", standby.port)
    wire.cut()
    site.database = PostgresDatabase(standby, site.database.name)


def test_an_asynchronous_standby_has_lost_endings(site, primary, standby):
    wire = site.wire_to_database()
    site.open()
    visit = site.visitors.sign_in("ada", ["red", "green"])
    site.note_how_far_it_is()
    has_caught_up(primary)
    # What follows never reaches the standby.
    admin(standby, "ALTER SYSTEM SET primary_conninfo = ''")
    admin(standby, "SELECT pg_reload_conf()")
    wait_until(lambda: not admin(primary, "SELECT 1 FROM pg_stat_replication"))
    site.visitors.sign_out(visit)
    site.wait_until_settled()
    site.note_how_far_it_is()

    primary.kill()
    standby.promote()
    fail_over(site, wire, standby)
    wait_until(lambda: history_of(site).get("status") == "failed")
    # The session lives again, and everybody who is asked says so.
    assert any(probe.worked for probe in site.visitors.probe(visit))
    found = json.loads(site.curfew("check", "--json", code=1))
    assert [one["name"] for one in found["checks"] if one["wrong"]] == ["database_history"]
    site.curfew("db", "accept-failover", code=1)
    wait_until(lambda: site.web.events("database_history"))

    site.curfew("db", "restored", "--yes")

    wait_until(lambda: history_of(site).get("status") == "ok")
    assert not any(probe.worked for probe in site.visitors.probe(visit))
    site.curfew("check")


def test_a_stale_primary_comes_back(site, primary, standby):
    wire = site.wire_to_database()
    site.open()
    has_caught_up(primary)
    standby.promote()
    fail_over(site, wire, standby)
    wait_until(lambda: "timeline" in history_of(site).get("detail", ""))
    site.curfew("db", "accept-failover")
    wait_until(lambda: history_of(site) == {"status": "ok"})

    fail_over(site, wire, primary)

    wait_until(lambda: "a former primary" in history_of(site).get("detail", ""))
    site.curfew("serve", "--port", str(site.port), code=OLDER)


def test_a_planned_failover_is_said_and_accepted(site, primary, standby):
    wire = site.wire_to_database()
    site.open()
    visit = site.visitors.sign_in("ada", ["red"])
    site.note_how_far_it_is()
    has_caught_up(primary)
    primary.kill()
    standby.promote()
    fail_over(site, wire, standby)

    wait_until(lambda: "accept-failover" in history_of(site).get("detail", ""))
    assert history_of(site)["status"] == "ok"
    assert json.loads(site.curfew("db", "accept-failover", "--json"))["accepted"]
    wait_until(lambda: history_of(site) == {"status": "ok"})
    site.visitors.sign_out(visit)
    site.wait_until_settled()
    assert not any(probe.worked for probe in site.visitors.probe(visit))
    site.curfew("check")
