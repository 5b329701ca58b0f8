"""A stopping provider finishes the requests it has begun, and waits for no sender."""

import signal
import sqlite3
import threading

import pytest
import requests

from tests.server.conftest import served
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes


def test_a_request_that_has_begun_is_answered(tmp_path, prepared_data, warm_programs):
    responses = []
    with served(
        tmp_path,
        "--threads",
        "1",
        prepared=prepared_data,
        warm=warm_programs,
        CURFEW_REGISTRATION="open",
        CURFEW_DATABASE_DEADLINE="60s",
    ) as here:
        database = sqlite3.connect(tmp_path / "data" / "curfew.sqlite3", isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        ask = threading.Thread(
            target=lambda: responses.append(
                requests.post(
                    f"{here.url}/register", json={"redirect_uris": ["https://red.test/cb"]}, timeout=PATIENCE
                )
            )
        )
        ask.start()
        wait_until(lambda: is_busy(here))
        here.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not accepts(here))
        database.execute("ROLLBACK")
        database.close()
        ask.join(PATIENCE)
        here.process.wait(PATIENCE)

    assert [response.status_code for response in responses] == [201]
    assert here.process.returncode == 0


def is_busy(here) -> bool:
    """Return whether the only thread has something else to do than to answer this at once."""
    try:
        requests.get(f"{here.url}/jwks", timeout=1)
    except requests.Timeout:
        return True
    return False


def accepts(here) -> bool:
    try:
        here.get("/health/live")
    except requests.ConnectionError:
        return False
    return True
