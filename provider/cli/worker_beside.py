"""The worker of `curfew serve --with-worker`: a process next to the web processes, restarted if it ends."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

from provider.infrastructure import event_log, wake_pipe

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0
# A worker that ran this long did not fail at its start.
_HEALTHY_SECONDS = 30.0
# A delivery in progress may take as long as an outbound request, 10 s by default, and a little more.
SECONDS_TO_STOP = 15.0


@contextmanager
def worker_beside() -> Iterator[Connection]:
    """Keep a worker running; yield the end of the pipe by which the web processes wake it.

    It stops after the web processes, so that it still delivers the notifications of their last requests.
    """
    reader, writer = wake_pipe.make()
    keeper = _Keeper(reader)
    keeper.start()
    try:
        yield writer
    finally:
        keeper.stop()


class _Keeper:
    def __init__(self, reader: Connection) -> None:
        self._reader = reader
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)
        # A web process forked while a worker is started would inherit the pipe by which Popen learns that the
        # worker has begun, and Popen, and with it the keeper, would wait until that web process ends.
        lock = self._lock
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS_TO_STOP)
            process.kill()
        self._thread.join()

    def _keep(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            began = time.monotonic()
            exit_code = self._run()
            if self._stopping.is_set():
                return
            wait = _FIRST_WAIT if time.monotonic() - began > _HEALTHY_SECONDS else wait
            event_log.warning("worker_ended", exit_code=exit_code, starts_again_in_seconds=wait)
            self._stopping.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _run(self) -> int | None:
        """Run a worker until it ends; return its exit code, or None if it was not started."""
        try:
            process = self._spawn()
        except OSError as exc:
            event_log.error("worker_not_started", problem=str(exc))
            return None
        return process.wait() if process else None

    def _spawn(self) -> "subprocess.Popen[bytes] | None":
        descriptor = self._reader.fileno()
        # -P keeps a folder named `provider` in the current directory from being imported instead.
        python = [sys.executable, "-P", "-m", "provider.command"]
        with self._lock:
            if self._stopping.is_set():
                return None
            # The worker inherits only the reading end, so end of file means that all web processes are gone.
            self._process = subprocess.Popen(  # noqa: S603 – our own command.
                [*python, "worker", "--woken-by", str(descriptor)],
                stdin=subprocess.DEVNULL,
                pass_fds=(descriptor,),
                # Ctrl-C at the terminal must reach only the web processes, which stop first.
                process_group=0,
            )
            return self._process
