"""The database dies, falls silent, is slow, full, read-only or fails over (FLT-30 to FLT-35, FLT-45).

Whatever was answered is still true afterwards; whatever was not has happened whole or not at all.
"""

import resource
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from tests.faults.beside import in_background
from tests.faults.databases import PostgresDatabase, PostgresServer, SQLiteDatabase
from tests.faults.site import Site
from tests.faults.visitors import Refused
from tests.support.processes import descendants
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.long]
OpenSite = Callable[..., Site]
UNANSWERED = (requests.RequestException, Refused)


def visit_often(site: Site, visits: list) -> Callable[[], None]:
    """One visit after the other; some get no response, and then the person presses again."""

    def visit_once() -> None:
        try:
            visit = site.visitors.sign_in("ada", ["red", "violet"])
        except UNANSWERED:
            return
        visits.append(visit)
        site.visitors.sign_out_until_answered(visit)

    return visit_once


def judge(site: Site, visits: list, **rules: object) -> None:
    site.wait_until_settled()
    for visit in visits:
        site.visitors.probe(visit)
    assert len(visits) > 2
    assert site.findings(**rules) == []


def assert_refuses_calmly(site: Site) -> None:
    """INV-15: no one gets in, and the response reveals nothing."""
    with pytest.raises(UNANSWERED) as refusal:
        site.visitors.sign_in("ben", ["red"])
    if isinstance(refusal.value, Refused):
        # A page, or an error for the app, where at least the app could be read (rfc6749 §4.1.2.1).
        told_app = "error=temporarily_unavailable" in refusal.value.location
        assert refusal.value.status in (500, 503) or (refusal.value.status == 303 and told_app)
        assert "Traceback" not in str(refusal.value)
        assert "psycopg" not in str(refusal.value)


def test_killed_and_started_again_under_load(open_site: OpenSite) -> None:
    """FLT-30: kill -9 of the server and all its backends, three times."""
    site = open_site("postgresql", workers=2)
    server = site.database.server
    visits: list = []
    with in_background(visit_often(site, visits), every=0.05):
        for _ in range(3):
            count = len(visits)
            wait_until(lambda count=count: len(visits) > count + 1)
            server.kill()
            assert_refuses_calmly(site)
            server.start()
    judge(site, visits, disturbances=3)


def test_backends_are_killed_in_the_middle(open_site: OpenSite) -> None:
    """FLT-03: the connections of web and workers are ended again and again in the middle of their work."""
    site = open_site("postgresql", workers=2)
    visits: list = []
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{site.database.name}' AND pid <> pg_backend_pid()"
    )
    with in_background(visit_often(site, visits), every=0.02):
        for round_ in range(15):
            wait_until(lambda round_=round_: len(visits) >= round_ // 3)
            site.database.rows(kill)
    judge(site, visits, disturbances=15)


@pytest.mark.parametrize(
    "toxic", [{"latency": 0.1}, {"hole": True}, {"refuse": True}], ids=lambda t: next(iter(t))
)
def test_slow_silent_or_unreachable(open_site: OpenSite, toxic: dict) -> None:
    """FLT-32: calm refusals at most; what was under way is whole afterwards."""
    # The compressed lease would run out while a slow database is asked; the real one has a minute.
    site = open_site("postgresql", is_open=False, delivery_lease="15s")
    wire = site.wire_to_database()
    site.open()
    visits: list = []
    with in_background(visit_often(site, visits), every=0.05):
        wait_until(lambda: len(visits) > 1)
        wire.poison(**toxic)
        if "refuse" in toxic:
            wire.cut()
            assert_refuses_calmly(site)
        count = len(visits)
        if "latency" in toxic:
            wait_until(lambda: len(visits) > count)
        wire.heal()
        wait_until(lambda: len(visits) > count + 2)
    judge(site, visits, disturbances=2)


def test_read_only(open_site: OpenSite) -> None:
    """FLT-34: no sign-in succeeds, no end is reported as done; afterwards all goes on by itself."""
    site = open_site("postgresql")
    name = site.database.name
    visits = [site.visitors.sign_in("ada", ["red", "green"]) for _ in range(3)]
    set_read_only(site.database, True)

    assert_refuses_calmly(site)
    for visit in visits:
        with pytest.raises(UNANSWERED):
            site.visitors.sign_out(visit)
        visit.end_asked_at = None
    assert not site.history.receipts

    set_read_only(site.database, False)
    for visit in visits:
        site.visitors.sign_out_until_answered(visit)
    judge(site, visits)
    assert name == site.database.name


def set_read_only(database: PostgresDatabase, is_read_only: bool) -> None:
    word = "on" if is_read_only else "off"
    server = f"host=127.0.0.1 port={database.server.port} user=postgres dbname=postgres"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = {word}")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name]
        )


def test_the_disk_is_full(open_site: OpenSite) -> None:
    """FLT-33: SQLite may write no further byte; nothing is answered as done, and nothing stays half done."""
    site = open_site("sqlite")
    visits = [site.visitors.sign_in("ada", ["red", "green"]) for _ in range(3)]
    limit_files(site, 4096)
    assert_refuses_calmly(site)
    for visit in visits:
        with pytest.raises(UNANSWERED):
            site.visitors.sign_out(visit)
        visit.end_asked_at = None

    limit_files(site, resource.RLIM_INFINITY)
    for visit in visits:
        site.visitors.sign_out_until_answered(visit)
    judge(site, visits)


def limit_files(site: Site, size: int) -> None:
    """Let no process of the site write beyond this size of a file, its database included."""
    for program in (site.web, *site.workers):
        for pid in (*descendants(program.pid), program.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_deadlocks(open_site: OpenSite) -> None:
    """FLT-35: a rival locks the same rows in the other order; logouts are done again and stay whole."""
    site = open_site("postgresql")
    visits: list = []
    stop = threading.Event()
    rival = threading.Thread(target=_lock_in_the_other_order, args=(site.database, stop), daemon=True)
    rival.start()
    try:
        with in_background(visit_often(site, visits), every=0.01):
            wait_until(lambda: len(visits) >= 20)
    finally:
        stop.set()
        rival.join()
    judge(site, visits, disturbances=5)


def _lock_in_the_other_order(database: PostgresDatabase, stop: threading.Event) -> None:
    where = f"host=127.0.0.1 port={database.server.port} user=postgres dbname={database.name}"
    while not stop.is_set():
        try:
            with psycopg.connect(where) as connection:
                connection.execute("SET deadlock_timeout = '20ms'")
                connection.execute('SELECT id FROM "grant" ORDER BY created_at DESC LIMIT 3 FOR UPDATE')
                connection.execute("SELECT id FROM client_session ORDER BY id DESC LIMIT 3 FOR UPDATE")
                connection.execute("SELECT id FROM session ORDER BY id DESC LIMIT 3 FOR UPDATE")
        except psycopg.errors.DeadlockDetected:
            # The rival was given up this time.
            continue


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.make()
    yield server
    server.stop()


def test_fail_over_to_a_synchronous_replica(open_site: OpenSite, primary: PostgresServer) -> None:
    """FLT-31: what was answered is on the replica too, when that is promised synchronously."""
    site = open_site("postgresql", is_open=False)
    site.database = primary.copy_of()
    site.settings["database_url"] = site.database.url
    site.prepare()
    replica = PostgresServer()
    try:
        shutil.rmtree(replica.data, ignore_errors=True)
        primary.base_backup(replica.data)
        replica.start()
        with psycopg.connect(
            f"host=127.0.0.1 port={primary.port} user=postgres dbname=postgres", autocommit=True
        ) as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            admin.execute("SELECT pg_reload_conf()")
            wait_until(
                lambda: admin.execute(
                    "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
                ).fetchone()
            )
        wire = site.wire_to_database()
        site.open()
        visits: list = []
        with in_background(visit_often(site, visits), every=0.05):
            wait_until(lambda: len(visits) > 4)
            primary.kill()
            wire.target = ("127.0.0.1", replica.port)
            wire.cut()
            replica.promote()
            count = len(visits)
            wait_until(lambda: len(visits) > count + 2)
        site.database = PostgresDatabase(replica, site.database.name)
        judge(site, visits, disturbances=1)
    finally:
        replica.stop()


def test_a_backup_is_restored(open_site: OpenSite) -> None:
    """FLT-45, INV-11: what the backup brings back is ended and notified by one command of the procedure."""
    site = open_site("sqlite")
    assert isinstance(site.database, SQLiteDatabase)
    ended = site.visitors.sign_in("ada", ["red", "green"])
    living = site.visitors.sign_in("ben", ["red", "blue"])
    backup = site.folder / "backup.sqlite3"
    site.database.rows(f"VACUUM INTO '{backup}'")
    site.visitors.sign_out(ended)
    site.wait_until_settled()
    heard = len(site.history.receipts)

    site.web.kill()
    site.workers[0].kill()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{site.database.path}{suffix}").unlink(missing_ok=True)
    shutil.copy(backup, site.database.path)
    living.end_asked_at = ended.end_asked_at
    site.curfew("db", "restored", "--yes")
    site.open(workers=1)
    site.wait_until_settled()

    for visit in (ended, living):
        assert not any(probe.worked for probe in site.visitors.probe(visit))
    # The backup knows nothing of notifications after it, so the checker sees only the second ones.
    del site.history.receipts[:heard]
    notified = {receipt.claims.get("sid") for receipt in site.history.receipts}
    assert notified >= {tokens.sid for visit in (ended, living) for tokens in visit.client_sessions.values()}
    assert site.findings() == []
