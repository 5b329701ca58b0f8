"""The supervisor: starts programs, passes on their output, restarts those that die, and stops them all."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from demo import warden

FIRST_WAIT = 0.5
LONGEST_WAIT = 15.0
# A process that ran for this long was healthy, so the wait starts from the beginning again.
HEALTHY_SECONDS = 30.0
PATIENCE_SECONDS = 6.0
_LARGEST_LOG = 5 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to run: its name for people, its command and its environment."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]


class Supervisor:
    """A context manager that runs programs; none of them survives it, however it ends."""

    def __init__(
        self,
        logs: Path,
        hear: Callable[[str, str], None],
        say: Callable[[str], None],
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._patience = patience
        self._logs = logs
        self._hear = hear
        self._say = say
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._keepers: list[threading.Thread] = []
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        # The warden has its own process group, so that Ctrl-C at the terminal does not reach it.
        self._warden = subprocess.Popen(  # noqa: S603 – our own file.
            [sys.executable, "-I", "-S", warden.__file__], stdin=subprocess.PIPE, process_group=0
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, program: Program) -> None:
        """Start a program and keep it running."""
        keeper = threading.Thread(target=self._keep, args=(program,), name=program.name, daemon=True)
        self._keepers.append(keeper)
        keeper.start()

    def pid_of(self, name: str) -> int | None:
        """Return the process id of a running program, or None."""
        process = self._running.get(name)
        return process.pid if process else None

    def stop(self) -> None:
        """Ask all programs to end, newest first, and kill those that do not end in time."""
        with self._lock:
            self._stopping.set()
            running = list(reversed(self._running.values()))
        for process in running:
            warden.send(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._patience
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            # Its children are in the same group; any that its parent left behind end here.
            warden.send(process.pid, signal.SIGKILL)
        for keeper in self._keepers:
            keeper.join(1.0)
        if self._warden.stdin:
            self._warden.stdin.close()
        self._warden.wait(warden.PATIENCE_SECONDS + 1)

    def _keep(self, program: Program) -> None:
        wait = FIRST_WAIT
        while True:
            began = time.monotonic()
            process = self._spawn(program)
            if process is None:
                return
            code = self._watch(program, process)
            if self._stopping.is_set():
                return
            wait = FIRST_WAIT if time.monotonic() - began > HEALTHY_SECONDS else wait
            self._say(f"{program.name} ended ({_describe(code)}); it starts again in {wait:g} s")
            if self._stopping.wait(wait):
                return
            wait = min(wait * 2, LONGEST_WAIT)

    def _spawn(self, program: Program) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            process = subprocess.Popen(  # noqa: S603 – the plan is ours.
                program.command,
                env=dict(program.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            self._order(f"+{process.pid}")
            self._running[program.name] = process
        return process

    def _watch(self, program: Program, process: subprocess.Popen[bytes]) -> int:
        assert process.stdout is not None  # noqa: S101 – it was asked for when the process was started.
        reader = threading.Thread(target=self._read, args=(program.name, process.stdout), daemon=True)
        reader.start()
        code = process.wait()
        # A child of a killed program would keep its port and hold its pipe open.
        warden.send(process.pid, signal.SIGKILL)
        reader.join(2.0)
        with self._lock:
            self._running.pop(program.name, None)
            self._order(f"-{process.pid}")
        return code

    def _read(self, name: str, stream: IO[bytes]) -> None:
        path = self._logs / f"{name}.log"
        if path.exists() and path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab", buffering=0) as log, stream:
            for line in stream:
                log.write(line)
                self._hear(name, line.decode(errors="replace").rstrip())

    def _order(self, order: str) -> None:
        # A warden that was killed reads no orders; the regular stop does not need it.
        with contextlib.suppress(BrokenPipeError, ValueError):
            if self._warden.stdin:
                self._warden.stdin.write(f"{order}\n".encode())
                self._warden.stdin.flush()


def _describe(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def own_environment(**changes: str) -> dict[str, str]:
    """Return the environment without settings of another provider, with these changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
    return kept | changes
