"""A process of the house with its family: started, listened to, signalled, killed."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.support.processes import descendants


class Program:
    """A process of the house with its family, in a group of its own."""

    def __init__(self, command: list[str], environ: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file, process_group=0
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it has logged under a name so far."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{")]
        found = []
        for line in lines:
            # The last line of a process that was killed may be half a line.
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if event.get("event") == name:
                    found.append(event)
        return found

    def signal(self, number: int) -> None:
        """Send a signal to it and its children."""
        for pid in (*descendants(self.pid), self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, *, seconds: float = 20) -> int:
        """Ask it to end and return its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)
