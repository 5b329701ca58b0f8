"""A primary dies and its standby takes over: what was lost is noticed, and what was not is accepted."""

import json
import shutil
from collections.abc import Iterator

import psycopg
import pytest

from tests.faults.databases import PostgresDatabase, PostgresServer
from tests.faults.house import House
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
def standby(primary, house) -> Iterator[PostgresServer]:
    """Follows the primary, asynchronously; it is made once the house stands."""
    server = PostgresServer()
    shutil.rmtree(server.data, ignore_errors=True)
    primary.base_backup(server.data)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def house(open_house, primary) -> House:
    house = open_house("postgresql", is_open=False)
    house.database = primary.copy_of()
    house.settings["database_url"] = house.database.url
    house.prepare()
    return house


def admin(server: PostgresServer, sql: str) -> list:
    where = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    with psycopg.connect(where, autocommit=True) as connection:
        done = connection.execute(sql)
        return done.fetchall() if done.description else []


def has_caught_up(primary: PostgresServer) -> None:
    wait_until(
        lambda: admin(primary, "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()")
    )


def note_how_far_it_is(house: House) -> None:
    house.curfew("audit", "head")
    house.wait_until_open()


def history_of(house: House) -> dict:
    """Return the readiness check of the database's history."""
    return readiness(house.port).get("checks", {}).get("history", {})


def fail_over(house: House, wire, standby: PostgresServer) -> None:
    wire.target = ("127.0.0.1", standby.port)
    wire.cut()
    house.database = PostgresDatabase(standby, house.database.name)


def test_an_asynchronous_standby_has_lost_endings(house, primary, standby):
    wire = house.wire_to_database()
    house.open()
    visit = house.visitors.sign_in("ada", ["red", "green"])
    note_how_far_it_is(house)
    has_caught_up(primary)
    # What follows never reaches the standby.
    admin(standby, "ALTER SYSTEM SET primary_conninfo = ''")
    admin(standby, "SELECT pg_reload_conf()")
    wait_until(lambda: not admin(primary, "SELECT 1 FROM pg_stat_replication"))
    house.visitors.sign_out(visit)
    house.wait_until_settled()
    note_how_far_it_is(house)

    primary.kill()
    standby.promote()
    fail_over(house, wire, standby)
    wait_until(lambda: history_of(house).get("status") == "failed")
    # The session lives again, and everybody who is asked says so.
    assert any(probe.worked for probe in house.visitors.probe(visit))
    found = json.loads(house.curfew("check", "--json", code=1))
    assert [one["name"] for one in found["checks"] if one["wrong"]] == ["database_history"]
    house.curfew("db", "accept-failover", code=1)
    wait_until(lambda: house.web.events("database_history"))

    house.curfew("db", "restored", "--yes")

    wait_until(lambda: history_of(house).get("status") == "ok")
    assert not any(probe.worked for probe in house.visitors.probe(visit))
    house.curfew("check")


def test_a_stale_primary_comes_back(house, primary, standby):
    wire = house.wire_to_database()
    house.open()
    has_caught_up(primary)
    standby.promote()
    fail_over(house, wire, standby)
    wait_until(lambda: "timeline" in history_of(house).get("detail", ""))
    house.curfew("db", "accept-failover")
    wait_until(lambda: history_of(house) == {"status": "ok"})

    fail_over(house, wire, primary)

    wait_until(lambda: "a former primary" in history_of(house).get("detail", ""))
    house.curfew("serve", "--port", str(house.port), code=OLDER)


def test_a_planned_failover_is_said_and_accepted(house, primary, standby):
    wire = house.wire_to_database()
    house.open()
    visit = house.visitors.sign_in("ada", ["red"])
    note_how_far_it_is(house)
    has_caught_up(primary)
    primary.kill()
    standby.promote()
    fail_over(house, wire, standby)

    wait_until(lambda: "accept-failover" in history_of(house).get("detail", ""))
    assert history_of(house)["status"] == "ok"
    assert json.loads(house.curfew("db", "accept-failover", "--json"))["accepted"]
    wait_until(lambda: history_of(house) == {"status": "ok"})
    house.visitors.sign_out(visit)
    house.wait_until_settled()
    assert not any(probe.worked for probe in house.visitors.probe(visit))
    house.curfew("check")
