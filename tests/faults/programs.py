"""A process of the site with its family: started, listened to, signalled, killed."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.support.processes import descendants, has_closed_its_files
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmProcess, WarmPrograms


class Program:
    """A process of the site with its family, in a group of its own."""

    def __init__(
        self, command: list[str], environ: dict[str, str], log: Path, warm: WarmPrograms | None = None
    ) -> None:
        """Start a command; where there are warm programs it is one of `curfew`, without that word."""
        self.log = log
        with log.open("ab") as file:
            self.process: WarmProcess | subprocess.Popen[bytes] = (
                warm.start(command, environ, file)
                if warm
                else subprocess.Popen(
                    command, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file, process_group=0
                )
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return its lines of the log under a name so far."""
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
        """Kill it and its children, and wait until another program can have their port."""
        children = descendants(self.pid)
        self.signal(signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: all(map(has_closed_its_files, children)))

    def terminate(self, *, seconds: float = PATIENCE) -> int:
        """Ask it to end and return its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)
