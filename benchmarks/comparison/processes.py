"""The measured processes: bound to certain cores, with their CPU and memory as the kernel counts them."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 90


class Process:
    """A program bound to certain cores, whose output goes to a file."""

    def __init__(
        self, command: Sequence[str], log: Path, environ: Mapping[str, str], cores: frozenset[int]
    ) -> None:
        self.log = log
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
        with log.open("wb") as file:
            self._popen = subprocess.Popen(
                ["taskset", "-c", ",".join(map(str, sorted(cores))), *command],
                stdout=file,
                stderr=file,
                env=kept | dict(environ),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process; taskset becomes the program."""
        return self._popen.pid

    def wait_until_ready(self, address: str) -> None:
        """Wait until it answers at an address."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if self._popen.poll() is not None:
                break
            try:
                with urllib.request.urlopen(address, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"{self.log} says: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End the process and its descendants."""
        if self._popen.poll() is None:
            os.killpg(self.pid, signal.SIGTERM)
            try:
                self._popen.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self._popen.wait()


def bind(pid: int, cores: frozenset[int]) -> None:
    """Bind a running process and all that it has started to certain cores."""
    for one in tree(pid):
        for task in Path(f"/proc/{one}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU time of process trees; what ended processes used counts with their parents."""
    return sum(_own_seconds(one) + _seconds_of_ended(one) for pid in pids for one in tree(pid))


def memory_mb(pids: Sequence[int]) -> float:
    """Return the memory of process trees in MB; shared memory is divided among them (PSS)."""
    return sum(_pss_kb(one) for pid in pids for one in tree(pid)) / 1024


def tree(pid: int) -> Iterator[int]:
    """Return a process and everything it has started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            yield from tree(int(child))


def _read(path: Path) -> str:
    """Return what the kernel says of a process; nothing if it has ended, as PostgreSQL's maintenance may."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return path.read_text()
    return ""


def _own_seconds(pid: int) -> float:
    # A process is counted in ticks of 10 ms, half of what a turn at the shortest operation takes; its living
    # threads are counted by the nanosecond.
    user, system, *_ = _times(pid)
    return max((user + system) / _TICKS, sum(_nanoseconds_of_threads(pid)) / 1e9)


def _nanoseconds_of_threads(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        yield int(_read(path).partition(" ")[0] or 0)


def _seconds_of_ended(pid: int) -> float:
    *_, user, system = _times(pid)
    return (user + system) / _TICKS


def _times(pid: int) -> list[int]:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return list(map(int, fields[11:15])) or [0, 0, 0, 0]


def _pss_kb(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
