"""A sender that never finishes holds a connection of its own, and no thread (issue of half-sent bodies)."""

import json
import resource
import socket
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.conftest import Served, read_to_the_end
from tests.support.certificates import localhost_certificate
from tests.support.waiting import least_seconds

pytestmark = pytest.mark.processes

DEADLINE_SECONDS = 2
THREADS = 2
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
HALF_SENT = f"POST /token HTTP/1.1\r\nHost: localhost\r\n{FORM}Content-Length: 100\r\n\r\ngrant_type="
HALF_CHUNKED = (
    f"POST /token HTTP/1.1\r\nHost: localhost\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\n"
)
PARTS = [pytest.param(HALF_SENT, id="with a length"), pytest.param(HALF_CHUNKED, id="chunked")]


@pytest.fixture(scope="module", autouse=True)
def many_files() -> None:
    """Let this process open as many connections as the tests need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))


@pytest.fixture(scope="module", params=["http", "https"])
def here(request, serve, tmp_path_factory) -> Served:
    options, authority = ["--threads", str(THREADS)], None
    if request.param == "https":
        authority, key = localhost_certificate(tmp_path_factory.mktemp("tls"))
        options += ["--tls-cert", str(authority), "--tls-key", str(key)]
    return serve(*options, authority=authority, CURFEW_REQUEST_BODY_DEADLINE=f"{DEADLINE_SECONDS}s")


@pytest.mark.parametrize("part", PARTS)
def test_more_half_sent_bodies_than_threads_delay_no_request(here, part):
    def seconds_beside_half_sent_bodies() -> float:
        stuck = [here.send(part) for _ in range(20 * THREADS)]
        seconds = least_seconds(lambda: ask(here), tries=1)
        assert all(connection.fileno() >= 0 for connection in stuck)
        return seconds

    # The first of them is refused after half of the deadline, so nothing has freed a thread meanwhile.
    assert any(seconds_beside_half_sent_bodies() < DEADLINE_SECONDS / 2 for _ in range(3))


def test_a_thousand_half_sent_bodies_leave_the_others_their_speed(here):
    quiet = median_seconds(here)
    for _ in range(1100):
        here.send(HALF_SENT)

    assert median_seconds(here) < 2 * quiet + 0.1


def test_a_thousand_idle_connections_block_no_request(here):
    with ExitStack() as idle:
        for _ in range(1100):
            idle.enter_context(socket.create_connection(("127.0.0.1", here.port)))
        begun = time.monotonic()

        assert here.get("/.well-known/openid-configuration").status_code == 200
        # The first of them is closed after half a minute.
        assert time.monotonic() - begun < 20


def median_seconds(here) -> float:
    return statistics.median(least_seconds(lambda: ask(here), tries=1) for _ in range(21))


def ask(here) -> None:
    assert here.get("/.well-known/openid-configuration").status_code == 200


@pytest.mark.parametrize("part", PARTS)
def test_a_body_that_does_not_come_is_refused_and_its_connection_closed(here, part):
    response = here.response_to(part)

    assert response.startswith("HTTP/1.1 408 ")
    assert json.loads(response.partition("\r\n\r\n")[2])["error"] == "invalid_request"
    assert "connection: close" in response.lower()


def test_a_body_that_drips_is_refused_though_each_byte_comes_in_time(here):
    connection = here.send(HALF_SENT)
    connection.settimeout(0.1)
    begun = time.monotonic()
    received = b""
    while not received and time.monotonic() - begun < 30:
        try:
            received = connection.recv(65536)
        except TimeoutError:
            connection.sendall(b"x")

    assert received.startswith(b"HTTP/1.1 408 ")


HALF_SENT_FORM = (
    "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nAccept-Language: de\r\nContent-Length: 9\r\n\r\nx"
)


@pytest.mark.parametrize("others", [0, 1100])
def test_a_person_with_a_slow_line_gets_a_page_however_many_others_are_refused(here, others):
    for _ in range(others):
        here.send(HALF_SENT)

    response = here.response_to(HALF_SENT_FORM)

    assert response.startswith("HTTP/1.1 408 ")
    assert "nicht rechtzeitig" in response.encode("latin-1").decode()


def test_a_body_in_pieces_that_keep_coming_is_served(here):
    body = "token=unknown&client_id=unknown"
    connection = here.send(
        f"POST /revoke HTTP/1.1\r\nHost: localhost\r\n{FORM}Content-Length: {len(body)}\r\n",
        "Connection: close\r\n\r\n",
    )
    for letter in body:
        connection.sendall(letter.encode())

    response = read_to_the_end(connection)

    assert response.startswith("HTTP/1.1 401 ")
    assert "invalid_client" in response


def test_a_sender_that_leaves_is_forgotten(here):
    for part in (HALF_SENT, HALF_CHUNKED):
        here.send(part).close()

    assert here.get("/health/ready").status_code == 200
    assert "request_failed" not in Path(here.log).read_text()
