"""While all threads wait for the database: liveness responds, and what cannot be served is refused early."""

import sqlite3
import threading
import time

import pytest
import requests

from tests.server.conftest import Served
from tests.support.waiting import PATIENCE, least_seconds, wait_until

pytestmark = pytest.mark.processes

THREADS = 2
DEADLINE_SECONDS = 2
# Half of the deadline goes on waiting for a thread, and a quarter is as long as a queue may stand still.
WAIT_SECONDS = DEADLINE_SECONDS / 2


@pytest.fixture(scope="module")
def here(serve) -> Served:
    return serve(
        "--threads",
        str(THREADS),
        CURFEW_DATABASE_DEADLINE=f"{DEADLINE_SECONDS}s",
        CURFEW_REGISTRATION="open",
        CURFEW_REGISTRATION_LIMIT="10000 per hour",
    )


@pytest.fixture
def stuck(here):
    """All threads wait to write, for another program holds the database, and more requests keep coming."""
    database = here.log.parent / "data" / "curfew.sqlite3"
    other = sqlite3.connect(f"file:{database}?mode=rw", uri=True, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    stop = threading.Event()
    writers = [threading.Thread(target=register, args=(here, stop)) for _ in range(4 * THREADS)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        other.execute("ROLLBACK")
        other.close()
        for writer in writers:
            writer.join(PATIENCE)


def register(here: Served, stop: threading.Event) -> None:
    while not stop.is_set():
        requests.post(
            f"{here.url}/register", json={"redirect_uris": ["https://red.test/cb"]}, timeout=PATIENCE
        )


def refused(here: Served, path: str) -> tuple[requests.Response, float]:
    """The first response that is a refusal, and how long it took."""

    def ask() -> tuple[requests.Response, float] | None:
        begun = time.monotonic()
        response = here.get(path)
        return (response, time.monotonic() - begun) if response.status_code == 503 else None

    return wait_until(ask)


def is_live(here: Served) -> None:
    assert here.get("/health/live").status_code == 200


def test_liveness_does_not_wait_and_others_are_refused_early(here, stuck):
    programs = [refused(here, "/jwks") for _ in range(3)]
    people = [refused(here, "/account") for _ in range(3)]

    assert least_seconds(lambda: is_live(here)) < WAIT_SECONDS
    program, person = programs[0][0], people[0][0]
    assert program.json()["error"] == "temporarily_unavailable"
    assert program.headers["Retry-After"] == "5"
    assert 'id="error-heading"' in person.text
    # Not as long as the two deadlines for the database that it would take to wait for those in front.
    for refusals in (programs, people):
        assert min(seconds for _, seconds in refusals) < 2 * DEADLINE_SECONDS


def test_it_serves_again_as_soon_as_the_database_does(here):
    assert here.get("/jwks").status_code == 200
