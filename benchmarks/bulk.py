"""Measure the speed and the cost of a bulk logout's walk, by kind; PostgreSQL of its own.

    python -m benchmarks.bulk --sessions 9000 --kinds all client issued-before

Prints the CPU time for each ended row, of this process and of PostgreSQL, without the limit on the pace.
"""

import argparse
import gc
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine

from benchmarks.databases import Databases, databases
from benchmarks.seed_sessions import seed
from provider.app import create_app
from provider.clients.queries import get_by_client_id
from provider.config import Settings
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.engine import prepare_engine
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk

_KEY = "YmVuY2htYXJrcy1iZW5jaG1hcmtzLWJlbmNobWFya3M"
_TICKS = os.sysconf("SC_CLK_TCK")
# Fields after the process id and name: utime, stime, and those of children that have ended.
_FIRST_TIME, _LAST_TIME = 11, 15

KINDS: dict[str, Callable[[], object]] = {
    "all": lambda: bulk.end_everybody("admin"),
    "issued-before": lambda: bulk.end_issued_before(clock.now(), "admin"),
    "client": lambda: bulk.end_of_client(get_by_client_id("red"), "admin"),
    "offline": lambda: bulk.end_offline_of_client(get_by_client_id("red"), "admin"),
}


def cpu_of_tree(pid: int) -> float:
    """Return the CPU seconds of a process and of its children, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[_FIRST_TIME:_LAST_TIME])) / _TICKS
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_of_tree(int(child)) for child in children)


def measure(begin: Callable[[], object], store: int) -> dict[str, float]:
    """Walk one bulk logout to its end."""
    with transaction():
        begin()
    walked, begun, own, its = 0, time.perf_counter(), time.process_time(), cpu_of_tree(store)
    while (seen := bulk_walk.carry_on()) is not None:
        walked = seen.done
        db.session.expire_all()
    seconds, own, its = time.perf_counter() - begun, time.process_time() - own, cpu_of_tree(store) - its
    return {
        "rows": walked,
        "rows a second": round(walked / seconds),
        "ms of Python each": round(own / walked * 1000, 3),
        "ms of PostgreSQL each": round(its / walked * 1000, 3),
    }


def run(made: Databases, kind: str, sessions: int, number: int) -> dict[str, object]:
    """Measure one kind on a database of its own."""
    url = made.make(f"bulk_{kind.replace('-', '_')}_{number}")
    engine = create_engine(url)
    prepare_engine(engine)
    seed(engine, sessions)
    engine.dispose()
    store = int((made.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    with TemporaryDirectory() as data:
        settings = replace(
            Settings(
                issuer="http://localhost:8900",
                secret_key=_KEY,
                database_url=url,
                data_dir=Path(data),
                log_level="WARNING",
            ),
            bulk_logout_pace=1_000_000,
            session_lifetime=timedelta(days=1),
        )
        app = create_app(settings)
        with app.app_context():
            found = measure(KINDS[kind], store)
            db.session.remove()
            db.engine.dispose()
    return {"kind": kind, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=9000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["all", "client", "issued-before"])
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.INFO)
    # The same threshold as in the command.
    gc.set_threshold(20_000)
    with databases("postgresql") as made:
        for number in range(given.rounds):
            for kind in given.kinds:
                print(json.dumps(run(made, kind, given.sessions, number)), flush=True)


if __name__ == "__main__":
    main()
