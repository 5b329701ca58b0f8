"""A worker that is asked to stop again and again, or at any time, stops all the same."""

import signal

import pytest

from demo.processes import own_environment
from tests.support.waiting import wait_until

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

# This signal interrupts nothing, as one that arrives between the last look for signals and the wait itself.
SIGNAL_WITHOUT_INTERRUPTION = """
import _thread
import signal
import sys
import threading
from flask import Flask
from provider.app import create_app
from provider.config import Settings
from provider.infrastructure.stop_request import StopRequest
from provider.worker.process import WorkerProcess
from tests.support.waiting import wait_until
from pathlib import Path

process = WorkerProcess(create_app(Settings(data_dir=Path(sys.argv[1]))))
signal.signal(signal.SIGTERM, lambda *_: process.ask_to_stop())
main = threading.get_ident()

def ask():
    wait_until(lambda: sys._current_frames()[main].f_code is StopRequest.wait.__code__)
    _thread.interrupt_main(signal.SIGTERM)

threading.Thread(target=ask).start()
process.wait()
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
def test_a_worker_that_cannot_begin_does_not_listen(warm_programs, tmp_path) -> None:
    environ = own_environment(CURFEW_DATA_DIR=str(tmp_path))

    code, printed, errors = warm_programs.run(["-c", DOES_NOT_START], environ)

    assert (code, printed) == (1, "")
    assert "worker_not_started" in errors


@pytest.mark.processes
def test_many_requests_to_stop_at_once(warm_programs, tmp_path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        worker = warm_programs.start(["-c", WAITS, str(tmp_path)], own_environment(), file)
    try:
        wait_until(lambda: "waiting" in log.read_text())
        for _ in range(ASKED_ONCE_MORE):
            worker.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopped" in log.read_text())
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.processes
def test_a_signal_that_arrives_just_before_the_wait_begins(warm_programs, tmp_path) -> None:
    code, printed, errors = warm_programs.run(
        ["-c", SIGNAL_WITHOUT_INTERRUPTION, str(tmp_path)], own_environment()
    )

    assert (code, printed.splitlines()[-1:]) == (0, ["stopped"]), errors
