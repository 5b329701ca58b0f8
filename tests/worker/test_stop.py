"""A worker that is asked to stop again and again stops all the same."""

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
