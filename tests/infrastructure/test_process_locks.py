"""A locked file for each process tells the others at once which of them was killed: real processes."""

import fcntl
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provider.infrastructure.process_locks import ProcessLock, this_kernel
from tests.support.waiting import wait_until

HOLDER = """
import sys, threading
from pathlib import Path
from provider.infrastructure.process_locks import ProcessLock
ProcessLock(Path(sys.argv[1]), sys.argv[2]).hold()
threading.Event().wait()
"""
Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workers"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts processes that hold a lock each, and waits until they do."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(name: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), name])
        started.append(process)
        wait_until(lambda: (folder / f"{name}.{this_kernel()}.alive").exists() or process.poll() is not None)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def ended(folder: Path) -> list[str]:
    """The processes that a third one finds to have ended."""
    found: list[str] = []
    ProcessLock(folder, "this").act_for_ended(found.append)
    return found


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def test_a_killed_process_is_found_once(folder: Path, start: Start) -> None:
    start("living")
    kill(start("killed"))

    assert ended(folder) == ["killed"]
    assert ended(folder) == []


def test_a_frozen_process_has_not_ended(folder: Path, start: Start) -> None:
    frozen = start("frozen")
    frozen.send_signal(signal.SIGSTOP)

    assert ended(folder) == []


def test_a_process_of_another_kernel_is_left_alone(folder: Path, start: Start) -> None:
    """A lock that it holds may not be visible from here."""
    kill(start("elsewhere"))
    found: list[str] = []

    ProcessLock(folder, "this", kernel="another").act_for_ended(found.append)

    assert found == []
    assert ended(folder) == ["elsewhere"]


def test_what_could_not_be_done_for_an_ended_process_is_done_the_next_time(
    folder: Path, start: Start
) -> None:
    kill(start("killed"))

    def fail(_name: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        ProcessLock(folder, "this").act_for_ended(fail)

    assert ended(folder) == ["killed"]


def test_a_process_that_leaves_in_order_leaves_no_file(folder: Path) -> None:
    lock = ProcessLock(folder, "host:1:abc")
    lock.hold()
    assert ended(folder) == []

    lock.release()

    assert list(folder.iterdir()) == []


def test_a_process_does_not_find_itself(folder: Path) -> None:
    lock = ProcessLock(folder, "this")
    lock.hold()
    found: list[str] = []

    lock.act_for_ended(found.append)

    assert found == []
    lock.release()


def test_without_locks_a_process_works_and_finds_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    lock = ProcessLock(folder, "this")

    lock.hold()

    assert [record.message for record in caplog.records] == ["process_lock_not_made"]
    assert list(folder.iterdir()) == []
    lock.release()
