"""Servers and workers without their start-up time: forked by a process that has loaded their program.

Each is a process of its own, in a group of its own, which is signalled, frozen and killed like any other, and
which ends like any other. It lacks the second of CPU that importing takes. `WarmPrograms` starts the process
that forks, `python -m tests.support.warm_programs PROGRAM SOCKET`.
"""

import atexit
import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest

from tests.support.fork_server import LONGEST_CALL, PROGRAMS, ROOT, Program
from tests.support.waiting import PATIENCE

# A variable of a process whose clock is to be off: by how many seconds.
OFF_BY = "CLOCK_OFF_BY"
Asked = tuple[list[str], dict[str, str], str, int, int]


class WarmProcess:
    """A forked process, with what tests use of `subprocess.Popen`."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._connection = connection

    def poll(self) -> int | None:
        """Return its exit code, or that of a signal as a negative number, or None while it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            self._connection.settimeout(seconds)
            try:
                self.returncode = int(self._connection.recv(16))
            except (BlockingIOError, TimeoutError):
                return None
            self._connection.close()
        return self.returncode


class WarmPrograms:
    """Starts commands of a program, of which some run until they are stopped.

    `-c` and Python code in place of a command run that code, which finds loaded what the program loads.
    """

    def __init__(self, folder: Path, program: str = "curfew", code: Path = ROOT) -> None:
        """Load a program, from the code in a folder where it is not that of this checkout."""
        self._address = folder / "socket"
        self._forking = subprocess.Popen(
            # -P: not the working directory but PYTHONPATH says whose code it is.
            [sys.executable, "-P", "-m", "tests.support.warm_programs", program, str(self._address)],
            env=os.environ | {"PYTHONPATH": f"{code}{os.pathsep}{ROOT}"},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._forking.stdout
        assert self._forking.stdout.readline() == "ready\n"

    def start(
        self,
        arguments: list[str],
        environ: dict[str, str],
        log: IO[bytes],
        errors: IO[bytes] | None = None,
        folder: Path | None = None,
    ) -> WarmProcess:
        """Start a command that writes what it says into a file, and errors into another if one is given."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self._address))
        asked = json.dumps([arguments, environ, str(folder or Path.cwd())])
        socket.send_fds(connection, [asked.encode()], [log.fileno(), (errors or log).fileno()])
        return WarmProcess(connection, int(connection.recv(16)))

    def run(
        self, arguments: list[str], environ: dict[str, str], folder: Path | None = None
    ) -> tuple[int, str, str]:
        """Run a command to its end; returns its exit code, and what it printed to its two outputs."""
        with TemporaryFile() as printed, TemporaryFile() as errors:
            process = self.start(arguments, environ, printed, errors, folder)
            try:
                code = process.wait(PATIENCE)
            finally:
                # One that hangs would otherwise outlive the test, and its socket fail a later one.
                process.kill()
                process.wait()
            printed.seek(0)
            errors.seek(0)
            return code, printed.read().decode(), errors.read().decode()

    def close(self) -> None:
        """End the process that forks; those that it has forked are their starters' to stop."""
        with self._forking:
            self._forking.terminate()


@pytest.fixture(scope="session")
def warm_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPrograms]:
    """Starts `curfew serve` and `curfew worker`."""
    programs = WarmPrograms(tmp_path_factory.mktemp("warm"))
    yield programs
    programs.close()


@pytest.fixture(scope="session")
def warm_granian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPrograms]:
    """Starts nodes of the kit's example apps."""
    programs = WarmPrograms(tmp_path_factory.mktemp("warm"), "granian")
    yield programs
    programs.close()


class _QuickEnd:
    """Ends a process once nothing is left to do, without taking apart what it has loaded.

    That takes longer than many a command does, since each page of memory is then copied.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        # Registered first, it is called last: after all threads, and all that the program has registered.
        atexit.register(self._end)

    def run(self, program: Program) -> None:
        """Run a program; what it raises is reported by the interpreter, as ever."""
        try:
            program()
        except SystemExit as exc:
            self._code = 0 if exc.code is None else exc.code if isinstance(exc.code, int) else None
            raise
        self._code = 0

    def _end(self) -> None:
        if self._code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._code)


def main(program: str, address: str) -> None:
    """Fork until standard input ends; each process that was forked runs its command and ends as one does."""
    end = _QuickEnd()
    run = PROGRAMS[program]()
    # Locks of other threads would be copied as they are, without the threads that release them.
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    gc.freeze()
    if asked := _fork_for_callers(address):
        _become(program, *asked)
        end.run(partial(_run_code, *sys.argv[2:]) if sys.argv[1:2] == ["-c"] else run)


def _fork_for_callers(address: str) -> Asked | None:
    """Say that calls can come, and fork for each; returns what is asked in the new process."""
    running: dict[int, tuple[int, socket.socket]] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening, selectors.PollSelector() as ready:
        listening.bind(address)
        listening.listen(64)
        ready.register(listening, selectors.EVENT_READ)
        ready.register(sys.stdin, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            fileno = ready.select()[0][0].fd
            if fileno == sys.stdin.fileno():
                return None
            if fileno in running:
                ready.unregister(fileno)
                _report_end(fileno, *running.pop(fileno))
                continue
            call, _ = listening.accept()
            said, (output, errors), _, _ = socket.recv_fds(call, LONGEST_CALL, 2)
            pid = os.fork()
            if pid == 0:
                _close(call, *running)
                return (*json.loads(said), output, errors)
            os.close(output)
            os.close(errors)
            call.send(str(pid).encode())
            # This becomes readable once the process has ended.
            ended = os.pidfd_open(pid)
            running[ended] = (pid, call)
            ready.register(ended, selectors.EVENT_READ)


def _report_end(ended: int, pid: int, call: socket.socket) -> None:
    os.close(ended)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # The caller may have gone.
    with call, contextlib.suppress(BrokenPipeError):
        call.send(str(code).encode())


def _close(call: socket.socket, *ended: int) -> None:
    call.close()
    for fileno in ended:
        os.close(fileno)


def _become(
    program: str, arguments: list[str], environ: dict[str, str], folder: str, output: int, errors: int
) -> None:
    """Take the place of a process that a shell has started with these."""
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, stream in ((nothing, 0), (output, 1), (errors, 2)):
        os.dup2(source, stream)
        os.close(source)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [program, *arguments]
    _turn_clock(float(os.environ.pop(OFF_BY, "0")))


def _run_code(code: str, *arguments: str) -> None:
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})


def _turn_clock(seconds: float) -> None:
    """Have this machine's own clock be off by so much, which the provider then corrects."""
    from provider.infrastructure import clock

    if seconds:
        clock.use_as_local(lambda: datetime.now(UTC) + timedelta(seconds=seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
