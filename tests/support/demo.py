"""A running `curfew demo`, started as a person would start it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from demo.ports import is_free
from tests.support.processes import descendants, is_alive
from tests.support.waiting import PATIENCE, wait_until

CURFEW = Path(sys.executable).with_name("curfew")
# provider and its worker process, the worker, the broker, three apps with a worker process each, the warden
LEAST_PROCESSES = 11
# It looks for that many free ports in a row.
PORTS = 8


class RunningDemo:
    """One demo with its folder and its ports."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_run(PORTS)
        self.data = folder / "data"
        self.output = folder / "output.txt"
        self.start()

    def start(self) -> None:
        """Start it with its folder and the first of its ports, also again."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [CURFEW, "demo", "--data-dir", self.data, "--port", str(self.port)],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        try:
            running = wait_until(self._running)
        except BaseException:
            self.stop()
            raise
        self.issuer: str = running["issuer"]
        self.apps: dict[str, str] = running["apps"]
        self.password: str = running["accounts"]["ada"]

    def said(self) -> str:
        """Return the output so far."""
        return self.output.read_text()

    def family(self) -> set[int]:
        """All of its processes."""
        return descendants(self.process.pid) | {self.process.pid}

    def stop(self, number: int = signal.SIGINT) -> int:
        """Press Ctrl-C, or send another signal, and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def stop_all(self, number: int) -> None:
        """Stop it by a signal; none of its processes may be left."""
        family = self.family()
        self.stop(number)
        assert len(family) >= LEAST_PROCESSES
        wait_until(lambda: not any(map(is_alive, family)))

    def _running(self) -> dict[str, Any] | None:
        assert self.process.poll() is None, self.said()
        path = self.data / "demo.json"
        running = json.loads(path.read_text()).get("running") if path.exists() else None
        return running if running and running["pid"] == self.process.pid else None


def free_run(count: int) -> int:
    """The first of so many free ports in a row, below those that the system gives to outgoing connections."""
    first = 20_000 + os.getpid() * 16 % 10_000
    while not all(is_free(port) for port in range(first, first + count)):
        first += count
    return first
