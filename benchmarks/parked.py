"""Check that the table of parked requests stays flat through a day of 100 sign-ins a second.

    python -m benchmarks.parked --rate 100 --hours 24 --databases postgresql

All of them are stored, as with CURFEW_SEALED_REQUEST_BYTES=0. The clock is simulated: each minute writes the
rows of so many sign-ins at once, then a worker does the duties that are due. Prints the rows, their size on
disk, what is overdue, and how long pruning took in all.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from sqlalchemy import create_engine, func, select, text

from benchmarks.databases import databases
from provider.app import create_app
from provider.config import Settings
from provider.infrastructure import clock, current, schema
from provider.infrastructure.database import db, is_sqlite, reading, transaction
from provider.infrastructure.engine import prepare_engine
from provider.inspection.overdue import overdue
from provider.interactions.models import Interaction
from provider.worker.duties import DUTIES, Duty, Roster
from provider.worker.pruning import prune

KEY = "YmVuY2htYXJrcy1iZW5jaG1hcmtzLWJlbmNobWFya3M"
STEP = timedelta(minutes=1)
# PostgreSQL vacuums on its own when a fifth of the rows are dead; it does not know the simulated clock.
VACUUM_EVERY = timedelta(minutes=30)
# About the size of an ordinary app's Authentication Request.
PARAMETERS = json.dumps({"client_id": "red", "redirect_uri": "https://red.test/callback", "state": "x" * 400})
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM n WHERE n < :last) "
    "INSERT INTO interaction {columns} SELECT printf('%032x', n), printf('%064x', n), {values} FROM n",
    "postgresql": "INSERT INTO interaction {columns} SELECT lpad(to_hex(n), 32, '0')::uuid, "
    "lpad(to_hex(n), 64, '0'), {values} FROM generate_series(CAST(:first AS bigint), :last) AS n",
}
_COLUMNS = "(id, handle_digest, browser_digest, kind, parameters, answers, created_at, expires_at)"
_VALUES = "'b', 'authorization', :parameters, '{}', :now, :expires_at"


@dataclass(frozen=True)
class Look:
    """The state after some time of the simulated day."""

    after: timedelta
    rows: int
    overdue: timedelta
    # The seconds spent on pruning so far.
    pruning: float


class Day:
    """A provider at which `per_second` people begin to sign in each second; `instant` is its clock."""

    def __init__(self, per_second: float, began_at: datetime, *, step: timedelta = STEP) -> None:
        self._step = step
        self._per_step = round(per_second * step.total_seconds())
        self._written = 0
        self._pruning = 0.0
        self._has_more = False
        self._began_at = self.instant = began_at
        [every] = [duty.every for duty in DUTIES if duty.act is prune]
        self._roster = Roster("simulation", (Duty("prune", every, self._prune),))

    def pass_(self, span: timedelta, every: timedelta) -> Iterator[Look]:
        """Let time pass, and look every so often."""
        while self.instant - self._began_at < span:
            self.instant += self._step
            self._sign_in()
            self._work()
            if (self.instant - self._began_at) % every == timedelta(0):
                yield self._look()

    def _sign_in(self) -> None:
        asked = _NUMBERS["sqlite" if is_sqlite() else "postgresql"].format(columns=_COLUMNS, values=_VALUES)
        first, self._written = self._written + 1, self._written + self._per_step
        expires_at = self.instant + current.settings().interaction_lifetime
        instants = {"now": _stored(self.instant), "expires_at": _stored(expires_at)}
        numbers = {"first": first, "last": self._written, "parameters": PARAMETERS}
        with transaction():
            db.session.execute(text(asked), numbers | instants)

    def _work(self) -> None:
        """Do the duties, as often as a worker could within the real step: what is not done is due at once."""
        give_up_at = time.monotonic() + self._step.total_seconds()
        self._has_more = True
        while self._has_more and time.monotonic() < give_up_at:
            self._has_more = False
            self._roster.do_due(Event())

    def _prune(self) -> bool:
        started = time.perf_counter()
        self._has_more = prune()
        self._pruning += time.perf_counter() - started
        return self._has_more

    def _look(self) -> Look:
        with reading():
            rows = db.session.scalar(select(func.count()).select_from(Interaction)) or 0
            age = overdue(clock.now())["interaction"]
        return Look(self.instant - self._began_at, rows, age, self._pruning)


def _stored(instant: datetime) -> datetime | str:
    """Return an instant as the database keeps it."""
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite() else instant


def measure(kind: str, rate: float, hours: float, folder: Path) -> Iterator[dict[str, Any]]:
    """Simulate and tell how things stand after each hour."""
    with databases(kind) as made:
        url = made.make("parked")
        engine = create_engine(url)
        prepare_engine(engine)
        schema.upgrade(engine)
        engine.dispose()
        app = create_app(Settings(database_url=url, data_dir=folder, secret_key=KEY))
        with app.app_context():
            day = Day(rate, clock.now())
            clock.use(lambda: day.instant)
            for look in day.pass_(timedelta(hours=hours), VACUUM_EVERY):
                _vacuum()
                if look.after % timedelta(hours=1):
                    continue
                yield {
                    "database": kind,
                    "hour": look.after / timedelta(hours=1),
                    "rows": look.rows,
                    "MB on disk": round(_bytes() / 1e6),
                    "overdue s": look.overdue.total_seconds(),
                    "pruning s in all": round(look.pruning, 1),
                }
            clock.use(None)
            db.session.remove()
            db.engine.dispose()


def _vacuum() -> None:
    if not is_sqlite():
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE interaction"))


def _bytes() -> int:
    asked = (
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        if is_sqlite()
        else "SELECT pg_total_relation_size('interaction')"
    )
    with reading():
        return int(db.session.scalar(text(asked)) or 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rate", type=float, default=100, help="sign-ins a second")
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument(
        "--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"]
    )
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        for kind in asked.databases:
            for row in measure(kind, asked.rate, asked.hours, Path(folder)):
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
