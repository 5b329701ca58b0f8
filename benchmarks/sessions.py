"""Check that the most frequent requests stay as quick with a million sessions as with a thousand.

    python -m benchmarks.sessions --sizes 1000 1000000 --databases sqlite postgresql
    python -m benchmarks.sessions --sizes 100000 100000 --clients 10 10000 --databases postgresql

Both databases are filled (`seed_sessions`) and then asked in turn, so that a busy machine slows both alike.
Medians of single requests to the whole provider, in this process; then the watermark of a bulk logout, and
how fast the walk over its rows goes.
"""

import argparse
import json
import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from sqlalchemy import create_engine

from benchmarks.databases import databases
from benchmarks.seed_sessions import (
    CLIENTS,
    SESSIONS_OF_A_PERSON,
    client_id_of,
    handle_of,
    id_of,
    seed,
    sid_of,
    sub_of,
)
from provider.app import create_app
from provider.clients.queries import get_by_client_id
from provider.config import Settings
from provider.infrastructure import clock, current, schema
from provider.infrastructure.database import db, reading, transaction
from provider.infrastructure.engine import prepare_engine
from provider.keys.jwt import sign
from provider.keys.lifecycle import ensure_keys
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.sessions.queries import list_sessions

SECRET = "a-secret-of-the-benchmarks-and-nobody-else"
KEY = "YmVuY2htYXJrcy1iZW5jaG1hcmtzLWJlbmNobWFya3M"
WALK_SECONDS = 5.0


@dataclass
class Site:
    """A provider over one database of a size."""

    app: Flask
    sessions: int
    clients: int

    @property
    def name(self) -> str:
        """The size of the database in words."""
        return f"{self.sessions} sessions of {self.clients} clients"

    def numbers(self, count: int, which: int) -> list[int]:
        """Choose sessions spread over the whole table; each kind of question has its own."""
        step = self.sessions // count
        return [(index * step + which) % self.sessions for index in range(count)]

    def post(self, path: str, number: int, **form: str) -> Any:
        auth = (client_id_of(number, self.clients), SECRET)
        return self.app.test_client(use_cookies=False).post(path, data=form, auth=auth)

    def introspect(self, number: int) -> None:
        response = self.post("/introspect", number, token=handle_of("access_token", number))
        assert response.json["active"], response.text

    def refresh(self, number: int) -> None:
        response = self.post(
            "/token", number, grant_type="refresh_token", refresh_token=handle_of("refresh_token", number)
        )
        assert response.status_code == 200, response.text

    def end_session(self, number: int) -> None:
        browser = self.app.test_client()
        browser.set_cookie("curfew_session", handle_of("session", number))
        response = browser.get("/session/end", query_string={"id_token_hint": self.hint(number)})
        assert "/session/ended/" in response.headers["Location"], response.text

    def list_sessions(self, number: int) -> None:
        with self.app.app_context():
            with reading():
                found = list_sessions(account_id=id_of("account", number // SESSIONS_OF_A_PERSON), limit=50)
            assert found

    def hint(self, number: int) -> str:
        """An ID Token as the client holds it; made here, it adds the same to both sizes."""
        now = int(clock.now().timestamp())
        claims = {
            "iss": "http://localhost:8900",
            "sub": sub_of(number // SESSIONS_OF_A_PERSON),
            "aud": client_id_of(number, self.clients),
            "iat": now,
            "exp": now + 3600,
            "sid": sid_of(number),
        }
        with self.app.app_context():
            return sign(claims, typ="JWT", alg="ES256")


QUESTIONS: dict[str, Callable[[Site, int], None]] = {
    "introspection": Site.introspect,
    "refresh": Site.refresh,
    "session list": Site.list_sessions,
    "end-session": Site.end_session,
}


def open_site(url: str, sessions: int, clients: int, folder: Path) -> Site:
    """Fill a database and compose a provider over it."""
    started = time.monotonic()
    settings = Settings(
        database_url=url,
        data_dir=folder,
        secret_key=KEY,
        notify_budget=timedelta(0),
        # The walk of a bulk logout is measured, not its pace.
        bulk_logout_pace=1_000_000,
    )
    app = create_app(settings)
    logging.disable(logging.CRITICAL)
    engine = create_engine(url)
    prepare_engine(engine)
    # The data keys are read for the digest.
    schema.upgrade(engine)
    with app.app_context():
        digest = current.secret_box().layered_digest("client-secret", SECRET, generation=0)
    seed(engine, sessions, digest, clients=clients)
    engine.dispose()
    with app.app_context(), transaction():
        ensure_keys()
    print(f"  {sessions} sessions seeded in {time.monotonic() - started:.0f} s", flush=True)
    return Site(app=app, sessions=sessions, clients=clients)


def compare(sites: list[Site], rounds: int) -> dict[str, dict[str, float]]:
    """Send every kind of request to both sites in turn; prints medians in milliseconds and their ratio."""
    results = {}
    for which, (name, ask) in enumerate(QUESTIONS.items()):
        taken: list[list[float]] = [[] for _ in sites]
        numbers = [site.numbers(rounds, which) for site in sites]
        for turn in range(rounds):
            in_turn = list(zip(sites, numbers, taken, strict=True))
            # Each site goes first equally often.
            for site, mine, times in in_turn if turn % 2 else reversed(in_turn):
                started = time.perf_counter()
                ask(site, mine[turn])
                times.append((time.perf_counter() - started) * 1000)
        # The first requests fill the caches that a running provider already has.
        medians = [statistics.median(times[rounds // 10 :]) for times in taken]
        results[name] = {one.name: round(m, 2) for one, m in zip(sites, medians, strict=True)}
        results[name]["ratio"] = round(medians[-1] / medians[0], 2)
        print(f"  {name}: {results[name]}", flush=True)
    return results


def measure_watermarks(site: Site) -> dict[str, float]:
    """Time the watermark of each kind of bulk logout, check that it holds, and let the walk go on."""
    number = site.numbers(7, 6)[3]
    site.introspect(number)
    with site.app.app_context():
        taken = {
            "client watermark s": _timed(lambda: bulk.end_of_client(get_by_client_id("blue"), "admin")),
            "issued before watermark s": _timed(lambda: bulk.end_issued_before(clock.now(), "admin")),
            "everybody watermark s": _timed(lambda: bulk.end_everybody("admin")),
        }
        response = site.post("/introspect", number, token=handle_of("access_token", number))
        assert response.json == {"active": False}
        walked = bulk_walk.carry_on(0.0)
        assert walked is not None
        before, started = walked.done, time.monotonic()
        walked = bulk_walk.carry_on(WALK_SECONDS)
        assert walked is not None
        taken["rows walked per s"] = round((walked.done - before) / (time.monotonic() - started), 1)
        taken["rows to walk"] = walked.total
        db.session.remove()
    print(f"  {taken}", flush=True)
    return taken


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    with transaction():
        act()
    return round(time.perf_counter() - started, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs=2, default=[1_000, 1_000_000], metavar=("SMALL", "LARGE"))
    parser.add_argument(
        "--clients", type=int, nargs=2, default=[CLIENTS, CLIENTS], metavar=("SMALL", "LARGE")
    )
    parser.add_argument(
        "--shared-buffers", default="128MB", help="The memory of PostgreSQL, whose own default this is."
    )
    parser.add_argument(
        "--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"]
    )
    parser.add_argument(
        "--rounds", type=int, default=200, help="Questions of each kind; at most a fifth of SMALL."
    )
    given = parser.parse_args()
    results = {}
    for kind in given.databases:
        print(kind, flush=True)
        with databases(kind, given.shared_buffers) as made, TemporaryDirectory() as folder:
            sites = [
                open_site(made.make(f"site_{number}"), *counts, Path(folder))
                for number, counts in enumerate(zip(given.sizes, given.clients, strict=True))
            ]
            made.warm()
            results[kind] = compare(sites, given.rounds) | {"bulk logout": measure_watermarks(sites[-1])}
            for site in sites:
                with site.app.app_context():
                    db.engine.dispose()
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
