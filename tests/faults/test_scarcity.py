"""Nothing is left: no file descriptors, no log, too many logouts at once (FLT-44, FLT-50)."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.beside import stopwatch
from tests.faults.manners import late
from tests.faults.site import Site
from tests.support.processes import descendants
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.long]
OpenSite = Callable[..., Site]


def limit_descriptors(pid: int, *, count: int) -> None:
    for each in (pid, *descendants(pid)):
        hard = resource.prlimit(each, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(each, resource.RLIMIT_NOFILE, (count, hard))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_file_descriptors(open_site: OpenSite, kind: str) -> None:
    """FLT-50: the worker can open nothing; no try is lost to it, and it recovers by itself."""
    site = open_site(kind, delivery_schedule="500ms," * 12 + "500ms")
    worker = site.workers[0]
    limit_descriptors(worker.pid, count=3)
    visits = [site.visitors.sign_in("ada", ["red", "green"]) for _ in range(3)]
    for visit in visits:
        site.visitors.sign_out(visit)
    wait_until(lambda: worker.log.stat().st_size > 500)
    limit_descriptors(worker.pid, count=1024)
    site.wait_until_settled()
    for visit in visits:
        site.visitors.probe(visit)
    assert site.findings(tries=14) == []


def test_the_log_cannot_be_written(open_site: OpenSite) -> None:
    """FLT-50: the disk of the log is full; the audit is in the database, and everything goes on."""
    site = open_site(workers=0)
    worker = site.start_worker(wait=False, log=Path("/dev/full"))
    visit = site.visitors.sign_in("ada", ["red", "green"])
    site.visitors.sign_out(visit)
    site.wait_until_settled()
    site.visitors.probe(visit)
    assert worker.is_running
    assert site.findings() == []


def test_an_administrator_ends_everything(open_site: OpenSite) -> None:
    """FLT-44, a hundredth of it: many sessions end at once, one app is slow and one is dead for a while."""
    site = open_site("postgresql", workers=2)
    site.rps["green"].manner = late(0.3)
    site.rps["blue"].vanish()
    visits = [site.visitors.sign_in("ada", ["red", "green", "blue"]) for _ in range(100)]
    for visit in visits:
        visit.end_asked_at = visit.began_at
    since = stopwatch()
    site.curfew("logout", "everybody", "--yes")
    wait_until(lambda: len(site.history.receipts_of("red")) >= len(visits))
    assert since() < 60

    site.rps["blue"].listen()
    site.wait_until_settled()
    for visit in visits[::10]:
        site.visitors.probe(visit)
    assert site.findings() == []
