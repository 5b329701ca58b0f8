"""Metrics of real processes: a worker at its own port, and several web processes that count together."""

import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests

from provider.worker.metrics_server import MetricsServer
from tests.support.waiting import PATIENCE, wait_until

TOKEN = "the-token-of-the-metrics"
REQUESTS = 60


@pytest.fixture
def served(app, settings):
    """Starts the server of a worker and returns its address."""
    server = MetricsServer(app, "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


def test_a_worker_tells_its_metrics_and_nothing_else(served):
    metrics = requests.get(f"{served}/metrics", timeout=PATIENCE)

    assert metrics.status_code == 200
    assert "curfew_database_up 1.0" in metrics.text
    assert "curfew_delivery_oldest_due_seconds 0.0" in metrics.text
    assert requests.get(f"{served}/", timeout=PATIENCE).status_code == 404
    assert requests.post(f"{served}/metrics", timeout=PATIENCE).status_code == 404


class TestWithAToken:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, metrics_bearer_token=TOKEN)

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            pytest.param({}, 401, id="without a token"),
            pytest.param({"Authorization": "Bearer another"}, 401, id="with another token"),
            pytest.param({"Authorization": f"Bearer {TOKEN}"}, 200, id="with the token"),
        ],
    )
    def test_a_worker_asks_for_it(self, served, header, status):
        assert requests.get(f"{served}/metrics", headers=header, timeout=PATIENCE).status_code == status


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def running(tmp_path, prepared_data, *arguments):
    """A `curfew` command as an operator would start it, on an SQLite database of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
    environ |= {
        "CURFEW_DATA_DIR": str(tmp_path / "data"),
        "CURFEW_METRICS_BEARER_TOKEN": TOKEN,
        "CURFEW_SWEEP_INTERVAL": "200ms",
    }
    curfew = [sys.executable, "-c", "from provider.command import main; main()"]
    shutil.copytree(prepared_data, tmp_path / "data")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*curfew, *map(str, arguments)], env=environ, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0, (tmp_path / "log").read_text()


def scrape(port):
    header = {"Authorization": f"Bearer {TOKEN}"}
    try:
        return requests.get(f"http://127.0.0.1:{port}/metrics", headers=header, timeout=PATIENCE).text
    except requests.ConnectionError:
        return ""


@pytest.mark.processes
def test_a_worker_with_a_port_shows_its_heartbeat(tmp_path, prepared_data):
    port = free_port()
    with running(tmp_path, prepared_data, "worker", "--metrics-port", port):
        wait_until(lambda: "curfew_sweeper_heartbeat_age_seconds" in scrape(port))


@pytest.mark.processes
def test_web_processes_count_together(tmp_path, prepared_data):
    port = free_port()
    with running(tmp_path, prepared_data, "serve", "--workers", 2, "--port", port):
        wait_until(lambda: scrape(port))
        with ThreadPoolExecutor(8) as threads:
            list(
                threads.map(
                    lambda _: requests.get(f"http://127.0.0.1:{port}/jwks", timeout=PATIENCE), range(REQUESTS)
                )
            )

        counted = [
            line for line in scrape(port).splitlines() if 'endpoint="jwks"' in line and "_total" in line
        ]

    assert [line.rpartition(" ")[2] for line in counted] == [f"{REQUESTS}.0"]
