"""Introspections while a bulk logout's walk runs beside them, and while it stands still.

    python -m benchmarks.beside_walk --sessions 100000 --seconds 60

One process sends 120 introspections a second at random times, through WSGI. Another one runs the walk on the
same PostgreSQL, and is stopped and continued in turn, so that other load on the machine affects both cases
alike. Prints the median and the p99 of both, and how many sessions ended a second.
"""

import argparse
import gc
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, create_engine, text

from benchmarks.databases import databases
from benchmarks.seed_sessions import handle_of
from benchmarks.sessions import KEY, Site, open_site
from provider.app import create_app
from provider.config import Settings
from provider.infrastructure.database import db, transaction
from provider.infrastructure.engine import Role
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk

_A_SECOND = 120
_SEGMENT_SECONDS = 1.5
_ASKED_ABOUT = 20_000
_WARM_UP = 200
_DONE = text("SELECT coalesce(max(done), 0) FROM mass_ending")


@dataclass
class Seen:
    """What was measured while the walk ran, or stood still."""

    taken: list[float] = field(default_factory=list)
    ended: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        ordered = sorted(self.taken)
        median, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        speed = self.ended / self.seconds
        return f"{len(ordered)}: median {median:.2f} ms, p99 {p99:.2f} ms, {speed:.0f} sessions a second"


def walk(url: str, folder: Path) -> None:
    """End all sessions, as a worker does; the process of the walk."""
    logging.disable(logging.INFO)
    # The same threshold as in the command.
    gc.set_threshold(20_000)
    settings = Settings(
        issuer="http://localhost:8900",
        secret_key=KEY,
        database_url=url,
        data_dir=folder,
        bulk_logout_pace=1_000_000,
    )
    with create_app(settings, role=Role.WORKER).app_context():
        with transaction():
            bulk.end_everybody("admin")
        print("walking", flush=True)
        while bulk_walk.carry_on() is not None:
            db.session.expire_all()


@contextmanager
def walking(url: str, folder: Path) -> Iterator[int]:
    """Start the walk; yields its process id."""
    command = [sys.executable, "-m", "benchmarks.beside_walk", "--walk", url, "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "walking\n", "the walk did not begin"
            yield process.pid
        finally:
            process.kill()


def ask_for_a_while(ask: Callable[[int], object], chance: random.Random) -> list[float]:
    """Send requests at random times for one segment; returns the milliseconds that each took."""
    taken = []
    due = begun = time.monotonic()
    while due - begun < _SEGMENT_SECONDS:
        due += chance.expovariate(_A_SECOND)
        time.sleep(max(0.0, due - time.monotonic()))
        asked_at = time.monotonic()
        ask(chance.randrange(_ASKED_ABOUT))
        taken.append((time.monotonic() - asked_at) * 1000)
    return taken


def measure(site: Site, pid: int, looking: Connection, seconds: float) -> dict[str, Seen]:
    """Measure in turn with the walk stopped and running, until the time is over or the walk has finished."""
    seen = {"stopped": Seen(), "walking": Seen()}
    chance, until = random.Random(1), time.monotonic() + seconds
    while time.monotonic() < until:
        for name, sent in (("stopped", signal.SIGSTOP), ("walking", signal.SIGCONT)):
            os.kill(pid, sent)
            before, begun = looking.execute(_DONE).scalar_one(), time.monotonic()
            taken = ask_for_a_while(lambda number: introspect(site, number), chance)
            ended = looking.execute(_DONE).scalar_one() - before
            if name == "walking" and not ended:
                return seen
            seen[name].taken += taken
            seen[name].ended += ended
            seen[name].seconds += time.monotonic() - begun
    return seen


def introspect(site: Site, number: int) -> None:
    """Introspect a token that the bulk logout has revoked."""
    response = site.post("/introspect", number, token=handle_of("access_token", number))
    assert response.status_code == 200, response.text


def main() -> None:
    """Measure, or be the process that walks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=50.0)
    parser.add_argument("--walk", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.walk:
        walk(given.walk, given.folder)
        return
    with databases("postgresql") as made, TemporaryDirectory() as folder:
        url = made.make("beside_walk")
        site = open_site(url, given.sessions, 3, Path(folder))
        for number in range(_WARM_UP):
            introspect(site, number)
        gc.collect()
        gc.freeze()
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as looking:
            looking.execute(text("VACUUM ANALYZE"))
            with walking(url, Path(folder)) as pid:
                for name, one in measure(site, pid, looking, given.seconds).items():
                    print(f"{name}: {one}", flush=True)
        engine.dispose()
        with site.app.app_context():
            db.engine.dispose()


if __name__ == "__main__":
    main()
