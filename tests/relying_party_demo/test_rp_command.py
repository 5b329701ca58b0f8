"""The command as a process: it starts fast, says what happens in JSON lines, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest
import requests

from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        return requests.get(f"http://127.0.0.1:{port}/api/state", timeout=PATIENCE).status_code == 200
    except requests.ConnectionError:
        return False


def command(port, data_dir, *more):
    options = ["--name", "red", "--port", str(port), "--issuer", "http://127.0.0.1:9", "--client-id", "red"]
    return [sys.executable, "-m", "relying_party_demo", *options, "--data-dir", str(data_dir), *more]


@contextmanager
def running(port, data_dir):
    environment = {**os.environ, "RP_CLIENT_SECRET": "red-secret"}
    process = subprocess.Popen(command(port, data_dir), env=environment, stdout=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: answers(port))
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_and_leaves_no_process(tmp_path, signal_):
    port = free_port()
    with running(port, tmp_path) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal_)

        assert process.wait(timeout=PATIENCE) == 0

    assert workers
    assert not any(worker.is_running() for worker in workers)
    assert not answers(port)


def test_it_stops_though_a_request_is_held(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(port, tmp_path) as process:
        requests.post(f"{url}/api/behaviour", json={"mode": "silent"}, timeout=PATIENCE)
        with pytest.raises(requests.Timeout):
            requests.post(f"{url}/backchannel-logout", data={"logout_token": "a.b.c"}, timeout=0.3)
        process.terminate()

        assert process.wait(timeout=PATIENCE) == 0


def test_a_killed_main_process_takes_its_worker_along(tmp_path):
    port = free_port()
    with running(port, tmp_path) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()

        wait_until(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers))


def test_each_line_on_standard_output_is_a_json_event(tmp_path):
    port = free_port()
    with running(port, tmp_path) as process:
        requests.post(
            f"http://127.0.0.1:{port}/backchannel-logout", data={"logout_token": "a.b.c"}, timeout=PATIENCE
        )
        process.terminate()
        printed, _ = process.communicate(timeout=PATIENCE)

    events = [json.loads(line) for line in printed.splitlines()]
    assert [event["event"] for event in events] == ["rp_started", "rp_logout_token"]
    assert {event["rp"] for event in events} == {"red"}


def test_a_taken_port_is_said_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = subprocess.run(
            command(port, tmp_path), capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    assert ended.returncode == 2
    assert ended.stderr == f"relying_party_demo: port {port} is taken\n"


def test_everything_wrong_is_said_together(tmp_path):
    wrong = command(1, tmp_path, "--name", "Red!", "--issuer", "localhost:8900", "--scope", "email")

    ended = subprocess.run(wrong, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert all(word in ended.stderr for word in ("name must", "issuer must", "scope must"))
