"""A pytest session that collects all tests and forks before the first one, for each process of a run.

`python -m tests.support.forked_session SOCKET ARGUMENTS` collects what pytest collects with these arguments.
Each caller at the socket, a `fork_server.CLIENT` that pytest-xdist has started in place of Python, gets a
forked process that does what pytest-xdist says at the caller's standard input: it goes on with the session as
`xdist.remote` does with one of its own.
"""

import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import IO

import execnet
import pytest
from _pytest import tmpdir
from _pytest.config import _prepareconfig

from tests.support.fork_server import FAILED, LONGEST_CALL
from tests.support.shared_compiling import compile_together

# The channel over which the run commands this process, and its end.
_channels: SimpleQueue[execnet.Channel | None] = SimpleQueue()
_ended = threading.Event()


def main(address: str, *arguments: str) -> int:
    """Collect, say that calls can come, and fork for each; returns the exit code of the session."""
    ready = os.fdopen(os.dup(1), "wb", buffering=0)
    _redirect(os.open(os.devnull, os.O_WRONLY), 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(64)
        forking = _Forking(listening, ready)
        config = _prepareconfig([*arguments], [forking])
        remote().setup_config(config, None)
        # Those of the run come with its first command.
        config.workerinput, config.workeroutput = {"mainargv": sys.argv}, {}
        code = config.hook.pytest_cmdline_main(config=config)
    _ended.set()
    if forking.serving:
        forking.serving.join()
    return code


def hand_over(channel: execnet.Channel) -> None:
    """Have the session commanded over this channel, until it has ended."""
    _channels.put(channel)
    _ended.wait()


def remote() -> ModuleType:
    """Return `xdist.remote`, which must not be imported before pytest has said how plugins are."""
    return importlib.import_module("xdist.remote")


class _Forking:
    """Stops the session before its first test, and forks there."""

    def __init__(self, listening: socket.socket, ready: IO[bytes]) -> None:
        self._listening, self._ready = listening, ready
        self._not_passed: list[pytest.CollectReport] = []
        self.serving: threading.Thread | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        compile_together()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what the run has to be told."""
        if not report.passed:
            self._not_passed.append(report)

    def pytest_internalerror(self, excrepr: object) -> None:
        """Say why nothing was collected."""
        sys.stderr.write(f"{excrepr}\n")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run tests as the run commands, in a forked process."""
        # Locks of other threads would be copied as they are, without the threads that release them.
        assert len(list(Path("/proc/self/task").iterdir())) == 1
        capturing = session.config.pluginmanager.getplugin("capturemanager")
        # What is captured goes to files, which would be those of all forked processes.
        capturing.stop_global_capturing()
        call = _fork_for_callers(self._listening, self._ready)
        self.serving = threading.Thread(target=_serve, args=(_become_caller(call),), daemon=True)
        self.serving.start()
        channel = _channels.get()
        if channel is None:
            return True
        capturing.start_global_capturing()
        capturing.suspend_global_capture()
        return self._run(session, channel)

    def _run(self, session: pytest.Session, channel: execnet.Channel) -> bool:
        config = session.config
        config.workerinput, _, options, _ = channel.receive()
        os.environ["PYTEST_XDIST_TESTRUNUID"] = config.workerinput["testrunuid"]
        os.environ["PYTEST_XDIST_WORKER"] = config.workerinput["workerid"]
        os.environ["PYTEST_XDIST_WORKER_COUNT"] = str(config.workerinput["workercount"])
        config.option.basetemp = options["basetemp"]
        tmpdir.pytest_configure(config)
        interactor = remote().interactor = remote().WorkerInteractor(config, channel)
        interactor.pytest_sessionstart(session)
        interactor.pytest_collection()
        for report in self._not_passed:
            interactor.pytest_collectreport(report)
        interactor.pytest_collection_modifyitems(config, session.items)
        interactor.pytest_collection_finish(session)
        return interactor.pytest_runtestloop(session)


def _fork_for_callers(listening: socket.socket, ready: IO[bytes]) -> socket.socket:
    """Say that calls can come, and fork for each; returns the call in the new process."""
    ready.write(b"ready\n")
    ready.close()
    # Ctrl-C reaches all processes, and this one has to wait for those that it has forked.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with selectors.PollSelector() as asked:
        asked.register(listening, selectors.EVENT_READ)
        # The parent keeps standard input open for as long as it lives.
        asked.register(0, selectors.EVENT_READ)
        while asked.select()[0][0].fd == listening.fileno():
            call, _ = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGINT, interrupt)
                listening.close()
                return call
            call.close()
    with suppress(ChildProcessError):
        while True:
            os.wait()
    os._exit(0)


def _become_caller(call: socket.socket) -> str:
    """Take the place of the Python that pytest-xdist has called; returns the code that it was called with."""
    said, streams, _, _ = socket.recv_fds(call, LONGEST_CALL, 3)
    for number, stream in enumerate(streams):
        _redirect(stream, number)
    threading.Thread(target=_leave_with_caller, args=(call,), daemon=True).start()
    arguments, _, _ = json.loads(said)
    return arguments[-1]


def _serve(code: str) -> None:
    try:
        exec(code, {"__name__": "__main__"})
    finally:
        _channels.put(None)


def _leave_with_caller(call: socket.socket) -> None:
    call.recv(1)
    os._exit(FAILED)


def _redirect(source: int, target: int) -> None:
    os.dup2(source, target)
    os.close(source)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
