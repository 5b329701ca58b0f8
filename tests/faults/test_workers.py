"""Workers die, freeze, multiply and are replaced; each notification arrives once (FLT-06 to FLT-16).

What looks into the provider from inside while a worker is killed stands in test_worker_killed.py; here
whole houses are driven from outside and judged by the checker.
"""

import signal
from collections.abc import Callable

import pytest

from tests.faults.beside import in_background, stopwatch
from tests.faults.conftest import Broker
from tests.faults.databases import PostgresDatabase
from tests.faults.house import LEASE, SWEEP, House
from tests.faults.manners import late, patient
from tests.faults.simulators import Exchange, polite
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes
OpenHouse = Callable[..., House]
DATABASES = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


def sign_out_many(house: House, count: int, rps: tuple[str, ...] = ("red", "green", "blue")) -> list:
    visits = [house.visitors.sign_in("ada", rps) for _ in range(count)]
    for visit in visits:
        house.visitors.sign_out(visit)
    return visits


@pytest.mark.long
@DATABASES
def test_killed_with_many_in_flight(open_house: OpenHouse, kind: str) -> None:
    """FLT-06 to FLT-09: as an out-of-memory kill would; everything in flight comes again, and only that."""
    house = open_house(kind)
    house.rps["red"].manner = house.rps["green"].manner = patient
    visits = sign_out_many(house, 8)
    wait_until(lambda: house.rps["red"].busy and house.rps["green"].busy)
    since = stopwatch()
    house.workers[0].kill()
    house.rps["red"].released.set()
    house.rps["green"].released.set()
    house.start_worker()
    started = since()
    house.wait_until_settled()

    # FIG-27 in this house's time: the lease and a sweep after the kill, or a start that took longer.
    assert since() < max(LEASE, started) + 10 * SWEEP + 3
    for visit in visits:
        house.visitors.probe(visit)
    assert house.findings(disturbances=1) == []


@pytest.mark.long
def test_a_frozen_worker_wakes_up(open_house: OpenHouse) -> None:
    """FLT-11: frozen beyond its lease with rows in every state; its late word changes nothing."""
    house = open_house("postgresql", workers=2)
    for rp in ("red", "green", "blue"):
        house.rps[rp].manner = late(0.2)
    visits = sign_out_many(house, 6)
    wait_until(lambda: house.history.receipts)
    house.workers[0].signal(signal.SIGSTOP)
    house.wait_until_settled()
    before = {row["id"]: row["finished_at"] for row in house.deliveries()}
    house.workers[0].signal(signal.SIGCONT)
    sign_out_many(house, 2)
    house.wait_until_settled()
    house.workers[1].terminate()
    house.workers[0].terminate()

    assert all(row["finished_at"] == before.get(row["id"], row["finished_at"]) for row in house.deliveries())
    for visit in visits:
        house.visitors.probe(visit)
    assert house.findings(disturbances=1, has_zombies=True) == []


@pytest.mark.long
def test_a_worker_that_freezes_in_a_transaction_keeps_no_locks(open_house: OpenHouse) -> None:
    """FLT-11: frozen between two statements; what it locked is free when its lease would have ended."""
    house = open_house("postgresql")
    assert isinstance(house.database, PostgresDatabase)
    visits = sign_out_many(house, 2)
    house.wait_until_settled()
    with house.database.locked("delivery_attempt") as is_waited_for:
        visits += sign_out_many(house, 4)
        wait_until(is_waited_for)
        house.workers[0].signal(signal.SIGSTOP)
    assert house.states()["pending"] > 0
    house.start_worker()
    house.wait_until_settled(seconds=LEASE + 10 * SWEEP + 3)
    house.workers[0].signal(signal.SIGCONT)
    sign_out_many(house, 1)
    house.wait_until_settled()
    house.workers[0].terminate()

    for visit in visits:
        house.visitors.probe(visit)
    assert house.findings(disturbances=1, has_zombies=True) == []


@pytest.mark.long
def test_rolling_restarts_under_load(open_house: OpenHouse) -> None:
    """FLT-10: a worker is replaced by SIGTERM again and again; nothing is lost and nothing sent twice."""
    house = open_house("postgresql")
    for rp in house.rps.values():
        rp.manner = late(0.05)
    with in_background(lambda: sign_out_many(house, 1), every=0.1):
        for _ in range(4):
            leaving = house.workers[-1]
            house.start_worker()
            assert leaving.terminate() == 0
    house.wait_until_settled()
    assert house.findings() == []


@pytest.mark.long
def test_a_poison_delivery_dies_alone(open_house: OpenHouse) -> None:
    """FLT-12: each delivery to green kills its worker: it waits longer each time, and others flow."""
    house = open_house(delivery_schedule="30s")

    def poison(exchange: Exchange) -> None:
        # What is in flight beside it dies with it and has one try less; here everybody has but two.
        wait_until(lambda: not house.deliveries("d.state = 'pending' AND c.client_id = 'red'"))
        for worker in house.workers:
            if worker.is_running:
                worker.kill()
        exchange.connection.close()

    house.rps["green"].manner = poison
    visit = house.visitors.sign_in("ada", ["green", "red"])
    house.visitors.sign_out(visit)

    def is_waiting() -> bool:
        if not house.workers[-1].is_running:
            house.start_worker()
        return bool(house.deliveries("d.last_outcome = 'crashed'"))

    wait_until(is_waiting)
    # Two in a row may be chance and cost no wait; from then on each crash costs one of the schedule.
    assert len(house.workers) == 3
    sign_out_many(house, 3, ("red",))
    wait_until(lambda: not house.deliveries("d.state = 'pending' AND c.client_id = 'red'"))
    house.rps["green"].manner = polite
    [row] = house.deliveries("d.state = 'pending'")
    house.curfew("delivery", "retry", row["id"])
    house.wait_until_settled()
    assert len(house.workers) == 3
    assert len(house.history.receipts_of("green")) == 3
    assert house.findings(disturbances=3) == []


@pytest.mark.long
def test_no_worker_for_a_while(open_house: OpenHouse) -> None:
    """FLT-13: everything waits, and is sent soon after a worker is there again."""
    house = open_house(workers=0)
    visits = sign_out_many(house, 15)
    house.start_worker()
    since = stopwatch()
    house.wait_until_settled()
    assert since() < 10
    for visit in visits:
        house.visitors.probe(visit)
    assert house.findings() == []


@pytest.mark.long
def test_no_worker_sweeps(open_house: OpenHouse, broker: Broker) -> None:
    """FLT-14: the wake-up alone delivers; what it has missed waits for a sweep."""
    house = open_house(workers=0, sweep_interval="1h")
    house.start_worker()
    sign_out_many(house, 3)
    house.wait_until_settled()

    broker.kill()
    [visit] = sign_out_many(house, 1)
    house.start_worker(sweep_interval="300ms")
    house.wait_until_settled()
    house.visitors.probe(visit)
    assert house.findings() == []


@pytest.mark.long
@DATABASES
def test_five_sweepers(open_house: OpenHouse, kind: str) -> None:
    """FLT-15, FLT-16: five workers look at once, and do each duty once; no try is made twice."""
    house = open_house(kind, workers=5)
    visits = sign_out_many(house, 12)
    house.wait_until_settled()
    for visit in visits:
        house.visitors.probe(visit)
    assert house.findings() == []
    assert len(house.history.receipts) == 36


def test_a_worker_dies_and_another_carries_on(open_house: OpenHouse, broker: Broker) -> None:
    """FLT-06, FLT-08: the wake-up meets a living lease and does nothing; the sweep takes over after it."""
    house = open_house(workers=2)
    house.rps["red"].manner = patient
    visit = house.visitors.sign_in("ada", ["red", "green"])
    house.visitors.sign_out(visit)
    wait_until(lambda: house.history.receipts_of("red"))
    [row] = house.deliveries("c.client_id = 'red'")
    doomed = next(worker for worker in house.workers if worker.pid == holder_of(house))
    doomed.kill()
    house.rps["red"].released.set()
    house.rps["red"].manner = polite
    house.wait_until_settled()

    assert len(house.history.receipts_of("red")) == 2
    assert row["attempt_count"] == 1
    house.visitors.probe(visit)
    assert house.findings(disturbances=1) == []


def test_what_a_killed_worker_held_is_sent_at_once(open_house: OpenHouse) -> None:
    """FLT-05: a worker that shares the data folder frees it long before the lease ends."""
    house = open_house("postgresql", delivery_lease="10m")
    house.rps["red"].manner = patient
    visit = house.visitors.sign_in("ada", ["red"])
    house.visitors.sign_out(visit)
    wait_until(lambda: house.history.receipts_of("red"))
    house.workers[0].kill()
    house.rps["red"].released.set()
    house.rps["red"].manner = polite

    house.start_worker()
    house.wait_until_settled()

    assert len(house.history.receipts_of("red")) == 2
    [noticed] = house.workers[-1].events("worker_was_killed")
    assert noticed["freed"] == 1
    house.visitors.probe(visit)
    assert house.findings(disturbances=1) == []


def holder_of(house: House) -> int:
    """The worker that has a connection to red."""
    port = house.rps["red"].port
    for worker in house.workers:
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
