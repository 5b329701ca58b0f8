"""A worker that is asked to stop again and again stops all the same."""

import os
import signal
import subprocess
import sys

import pytest

ASKED_ONCE_MORE = 25
# A worker without its threads: what waits and what is called by the signal is the product's own.
WAITS = """
import signal
from flask import Flask
from provider.app import create_app
from provider.config import Settings
from provider.worker.process import WorkerProcess
from pathlib import Path
import sys

process = WorkerProcess(create_app(Settings(data_dir=Path(sys.argv[1]))))
signal.signal(signal.SIGTERM, lambda *_: process.ask_to_stop())
print("waiting", flush=True)
process.wait()
for _ in range(2000):
    process.ask_to_stop()
process.stop()
print("stopped", flush=True)
"""

# Celery logs what is raised at its start, and goes on.
DOES_NOT_START = """
from celery import signals
from provider import celery_app

def fail():
    raise OSError("nothing works here")

celery_app.process.start = fail
signals.worker_init.send(sender=None)
print("listening", flush=True)
"""


@pytest.mark.processes
def test_a_worker_that_cannot_begin_does_not_listen(tmp_path) -> None:
    environ = os.environ | {"CURFEW_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", DOES_NOT_START], env=environ, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "worker_not_started" in ended.stderr


@pytest.mark.processes
def test_many_requests_to_stop_at_once(tmp_path) -> None:
    command = [sys.executable, "-c", WAITS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "waiting\n"
        for _ in range(ASKED_ONCE_MORE):
            worker.send_signal(signal.SIGTERM)
        try:
            assert worker.stdout.readline() == "stopped\n"
        finally:
            worker.kill()
