"""Workers die, freeze, multiply and are replaced; each notification arrives once (FLT-06 to FLT-16).

What looks into the provider from inside while a worker is killed stands in test_worker_killed.py; here
whole sites are driven from outside and judged by the checker.
"""

import signal
from collections.abc import Callable

import pytest

from tests.faults.beside import in_background, stopwatch
from tests.faults.conftest import Broker
from tests.faults.databases import PostgresDatabase
from tests.faults.manners import late, patient
from tests.faults.simulators import Exchange, polite
from tests.faults.site import LEASE, SWEEP, Site
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes
OpenSite = Callable[..., Site]
DATABASES = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


def sign_out_many(site: Site, count: int, rps: tuple[str, ...] = ("red", "green", "blue")) -> list:
    visits = [site.visitors.sign_in("ada", rps) for _ in range(count)]
    for visit in visits:
        site.visitors.sign_out(visit)
    return visits


@pytest.mark.long
@DATABASES
def test_killed_with_many_in_flight(open_site: OpenSite, kind: str) -> None:
    """FLT-06 to FLT-09: as an out-of-memory kill would; everything in flight comes again, and only that."""
    site = open_site(kind)
    site.rps["red"].manner = site.rps["green"].manner = patient
    visits = sign_out_many(site, 8)
    wait_until(lambda: site.rps["red"].busy and site.rps["green"].busy)
    since = stopwatch()
    site.workers[0].kill()
    site.rps["red"].released.set()
    site.rps["green"].released.set()
    site.start_worker()
    started = since()
    site.wait_until_settled()

    # FIG-27 in this site's time: the lease and a sweep after the kill, or a start that took longer.
    assert since() < max(LEASE, started) + 10 * SWEEP + 3
    for visit in visits:
        site.visitors.probe(visit)
    assert site.findings(disturbances=1) == []


@pytest.mark.long
def test_a_frozen_worker_wakes_up(open_site: OpenSite) -> None:
    """FLT-11: frozen beyond its lease with rows in every state; its late word changes nothing."""
    site = open_site("postgresql", workers=2)
    for rp in ("red", "green", "blue"):
        site.rps[rp].manner = late(0.2)
    visits = sign_out_many(site, 6)
    wait_until(lambda: site.history.receipts)
    site.workers[0].signal(signal.SIGSTOP)
    site.wait_until_settled()
    before = {row["id"]: row["finished_at"] for row in site.deliveries()}
    site.workers[0].signal(signal.SIGCONT)
    sign_out_many(site, 2)
    site.wait_until_settled()
    site.workers[1].terminate()
    site.workers[0].terminate()

    assert all(row["finished_at"] == before.get(row["id"], row["finished_at"]) for row in site.deliveries())
    for visit in visits:
        site.visitors.probe(visit)
    assert site.findings(disturbances=1, has_zombies=True) == []


@pytest.mark.long
def test_a_worker_that_freezes_in_a_transaction_keeps_no_locks(open_site: OpenSite) -> None:
    """FLT-11: frozen between two statements; what it locked is free when its lease would have ended."""
    site = open_site("postgresql")
    assert isinstance(site.database, PostgresDatabase)
    visits = sign_out_many(site, 2)
    site.wait_until_settled()
    with site.database.locked("delivery_attempt") as is_waited_for:
        visits += sign_out_many(site, 4)
        wait_until(is_waited_for)
        site.workers[0].signal(signal.SIGSTOP)
    assert site.states()["pending"] > 0
    site.start_worker()
    site.wait_until_settled(seconds=LEASE + 10 * SWEEP + 3)
    site.workers[0].signal(signal.SIGCONT)
    sign_out_many(site, 1)
    site.wait_until_settled()
    site.workers[0].terminate()

    for visit in visits:
        site.visitors.probe(visit)
    assert site.findings(disturbances=1, has_zombies=True) == []


@pytest.mark.long
def test_rolling_restarts_under_load(open_site: OpenSite) -> None:
    """FLT-10: a worker is replaced by SIGTERM again and again; nothing is lost and nothing sent twice."""
    site = open_site("postgresql")
    for rp in site.rps.values():
        rp.manner = late(0.05)
    with in_background(lambda: sign_out_many(site, 1), every=0.1):
        for _ in range(4):
            leaving = site.workers[-1]
            site.start_worker()
            assert leaving.terminate() == 0
    site.wait_until_settled()
    assert site.findings() == []


@pytest.mark.long
def test_a_poison_delivery_dies_alone(open_site: OpenSite) -> None:
    """FLT-12: each delivery to green kills its worker: it waits longer each time, and others flow."""
    site = open_site(delivery_schedule="30s")

    def poison(exchange: Exchange) -> None:
        # What is in flight beside it dies with it and has one try less; here everybody has but two.
        wait_until(lambda: not site.deliveries("d.state = 'pending' AND c.client_id = 'red'"))
        for worker in site.workers:
            if worker.is_running:
                worker.kill()
        exchange.connection.close()

    site.rps["green"].manner = poison
    visit = site.visitors.sign_in("ada", ["green", "red"])
    site.visitors.sign_out(visit)

    def is_waiting() -> bool:
        if not site.workers[-1].is_running:
            site.start_worker()
        return bool(site.deliveries("d.last_outcome = 'crashed'"))

    wait_until(is_waiting)
    # Two in a row may be chance and cost no wait; from then on each crash costs one of the schedule.
    assert len(site.workers) == 3
    sign_out_many(site, 3, ("red",))
    wait_until(lambda: not site.deliveries("d.state = 'pending' AND c.client_id = 'red'"))
    site.rps["green"].manner = polite
    [row] = site.deliveries("d.state = 'pending'")
    site.curfew("delivery", "retry", row["id"])
    site.wait_until_settled()
    assert len(site.workers) == 3
    assert len(site.history.receipts_of("green")) == 3
    assert site.findings(disturbances=3) == []


@pytest.mark.long
def test_no_worker_for_a_while(open_site: OpenSite) -> None:
    """FLT-13: everything waits, and is sent soon after a worker is there again."""
    site = open_site(workers=0)
    visits = sign_out_many(site, 15)
    site.start_worker()
    since = stopwatch()
    site.wait_until_settled()
    assert since() < 10
    for visit in visits:
        site.visitors.probe(visit)
    assert site.findings() == []


@pytest.mark.long
def test_no_worker_sweeps(open_site: OpenSite, broker: Broker) -> None:
    """FLT-14: the wake-up alone delivers; what it has missed waits for a sweep."""
    site = open_site(workers=0, sweep_interval="1h")
    site.start_worker()
    sign_out_many(site, 3)
    site.wait_until_settled()

    broker.kill()
    [visit] = sign_out_many(site, 1)
    site.start_worker(sweep_interval="300ms")
    site.wait_until_settled()
    site.visitors.probe(visit)
    assert site.findings() == []


@pytest.mark.long
@DATABASES
def test_five_sweepers(open_site: OpenSite, kind: str) -> None:
    """FLT-15, FLT-16: five workers look at once, and do each duty once; no try is made twice."""
    site = open_site(kind, workers=5)
    visits = sign_out_many(site, 12)
    site.wait_until_settled()
    for visit in visits:
        site.visitors.probe(visit)
    assert site.findings() == []
    assert len(site.history.receipts) == 36


def test_a_worker_dies_and_another_carries_on(open_site: OpenSite, broker: Broker) -> None:
    """FLT-06, FLT-08: the wake-up meets a living lease and does nothing; the sweep takes over after it."""
    site = open_site(workers=2)
    site.rps["red"].manner = patient
    visit = site.visitors.sign_in("ada", ["red", "green"])
    site.visitors.sign_out(visit)
    wait_until(lambda: site.history.receipts_of("red"))
    [row] = site.deliveries("c.client_id = 'red'")
    doomed = next(worker for worker in site.workers if worker.pid == holder_of(site))
    doomed.kill()
    site.rps["red"].released.set()
    site.rps["red"].manner = polite
    site.wait_until_settled()

    assert len(site.history.receipts_of("red")) == 2
    assert row["attempt_count"] == 1
    site.visitors.probe(visit)
    assert site.findings(disturbances=1) == []


def test_what_a_killed_worker_held_is_sent_at_once(open_site: OpenSite) -> None:
    """FLT-05: a worker that shares the data folder frees it long before the lease ends."""
    site = open_site("postgresql", delivery_lease="10m")
    site.rps["red"].manner = patient
    visit = site.visitors.sign_in("ada", ["red"])
    site.visitors.sign_out(visit)
    wait_until(lambda: site.history.receipts_of("red"))
    site.workers[0].kill()
    site.rps["red"].released.set()
    site.rps["red"].manner = polite

    site.start_worker()
    site.wait_until_settled()

    assert len(site.history.receipts_of("red")) == 2
    [noticed] = wait_until(lambda: site.workers[-1].events("worker_was_killed"))
    assert noticed["freed"] == 1
    site.visitors.probe(visit)
    assert site.findings(disturbances=1) == []


def holder_of(site: Site) -> int:
    """The worker that has a connection to red."""
    port = site.rps["red"].port
    for worker in site.workers:
        if any(remote == port for remote in _remote_ports(worker.pid)):
            return worker.pid
    raise AssertionError("no worker is connected to red")


def _remote_ports(pid: int) -> list[int]:
    from pathlib import Path

    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if link.is_symlink() and (target := str(link.readlink())).startswith("socket:["):
            inodes.add(target[8:-1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[2].split(":")[1], 16) for row in rows if row[9] in inodes]
