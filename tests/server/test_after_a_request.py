"""What a request leaves behind: an error is answered and logged, a client may leave, and nothing is kept."""

import gc
import json
import sqlite3
import weakref

import pytest

from provider.infrastructure import event_log
from provider.server import BodyLimits, Front
from tests.server.conftest import served
from tests.server.test_lanes import in_a_loop
from tests.server.test_no_thread_left import ask
from tests.support.waiting import wait_until

LIMITS = BodyLimits(most_bytes=100, deadline=5)
BODY = '{"redirect_uris": ["https://red.test/cb"]}'
REGISTRATION = (
    "POST /register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
)


def test_an_error_of_the_application_is_answered_and_logged_and_the_next_request_served(caplog):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/defect":
            raise ZeroDivisionError
        start_response("200 OK", [])
        return [b"served"]

    async def play():
        front = Front(application, threads=1, limits=LIMITS, patience=5)
        defect = await ask(front, "application/json", b"/defect")
        return defect, await ask(front, "application/json")

    (status, _, body), (next_status, _, next_body) = in_a_loop(play)

    assert status == 500
    assert json.loads(body)["error"] == "server_error"
    assert (next_status, next_body) == (200, b"served")
    (record,) = caplog.records
    assert "ZeroDivisionError" in event_log.JSONLines().format(record)


def test_nothing_of_a_request_is_kept_until_the_next():
    bodies = []

    def application(environ, start_response):
        bodies.append(weakref.ref(environ["wsgi.input"]))
        start_response("200 OK", [])
        return [b""]

    async def play():
        front = Front(application, threads=1, limits=LIMITS, patience=5)
        await ask(front, "application/json")
        return front

    front = in_a_loop(play)

    wait_until(lambda: gc.collect() >= 0 and bodies[0]() is None)
    assert front is not None


@pytest.mark.processes
def test_a_client_that_leaves_while_its_request_runs_holds_no_thread(tmp_path, prepared_data, warm_programs):
    with served(
        tmp_path, "--threads", "1", prepared=prepared_data, warm=warm_programs, CURFEW_REGISTRATION="open"
    ) as here:
        database = sqlite3.connect(tmp_path / "data" / "curfew.sqlite3", isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        here.send(REGISTRATION).close()
        waits = here.send(REGISTRATION.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
        database.execute("ROLLBACK")
        database.close()
        answered = waits.recv(65536)

        assert b" 201 " in answered.splitlines()[0]
        assert here.get("/account").status_code == 200
        assert "request_failed" not in here.log.read_text()
