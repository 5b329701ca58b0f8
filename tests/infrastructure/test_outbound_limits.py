"""Slow, endless and oversized responses: each call ends by its deadline and within its caps."""

import gzip
import threading
import time
from datetime import timedelta

import pytest

from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure
from tests.infrastructure.outbound_servers import OK, Server, Wire, always, once, policy
from tests.support.waiting import PATIENCE

DEADLINE = timedelta(seconds=0.5)
# Without a deadline the shortest drip takes half a minute, and silence as long as the test is patient.
LATEST = 20
OK_WITHOUT_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def client():
    client = OutboundClient(policy(total_deadline=DEADLINE), resolve=always("127.0.0.1"))
    yield client
    client.close()


def failure_of(call) -> tuple[str, float]:
    started = time.monotonic()
    with pytest.raises(OutboundFailure) as failure:
        call()
    return failure.value.kind, time.monotonic() - started


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(
            lambda wire: wire.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100), id="LIB-17 dripping headers"
        ),
        pytest.param(lambda wire: wire.server.stopping.wait(PATIENCE), id="FLT-22 silence"),
        pytest.param(
            lambda wire: (wire.send(b"HTTP/1.1 200 OK\r\n"), wire.server.stopping.wait(PATIENCE)),
            id="a status line that no headers follow is no response",
        ),
        pytest.param(
            lambda wire: wire.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), id="endless interim responses"
        ),
    ],
)
@pytest.mark.spec("FLT-20")
def test_headers_that_do_not_complete_are_a_timeout(client, act):
    with Server(once(act)) as red:
        kind, seconds = failure_of(lambda: client.post_form(red.url(), {}))

    assert kind == "timeout"
    assert DEADLINE.total_seconds() * 0.9 <= seconds < LATEST


@pytest.mark.parametrize("length", range(1, len(OK_WITHOUT_BODY)))
@pytest.mark.spec("FLT-20")
def test_a_response_that_is_cut_off_in_its_headers_is_no_response(client, length):
    """ "HTTP/1.1 200" is the beginning of a sentence that might have ended otherwise."""
    with Server(once(lambda wire: wire.send(OK_WITHOUT_BODY[:length]))) as red:
        kind, _ = failure_of(lambda: client.post_form(red.url(), {}))

    assert kind == "reset"


@pytest.mark.spec("FLT-21")
def test_a_dripping_body_takes_nothing_from_a_status_already_read(client):
    def act(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        wire.drip(b"x" * 10000)

    with Server(once(act)) as red:
        response = client.post_form(red.url(), {})

    assert response.status == 200
    assert response.elapsed.total_seconds() < LATEST


def test_a_document_whose_body_drips_is_a_timeout(client):
    def act(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        wire.drip(b"x" * 10000)

    with Server(once(act)) as red:
        kind, seconds = failure_of(lambda: client.get(red.url()))

    assert kind == "timeout"
    assert seconds < LATEST


def test_an_unread_request_is_a_timeout(client):
    # 20 MB fill every buffer on the way; the send itself must end.
    with Server(lambda wire: wire.server.stopping.wait(PATIENCE)) as red:
        kind, seconds = failure_of(lambda: client.post_form(red.url(), {"x": "y" * 20_000_000}))

    assert kind == "timeout"
    assert seconds < LATEST


@pytest.mark.spec("URL-49")
def test_a_name_server_that_hangs_is_bounded_by_the_same_deadline():
    release = threading.Event()

    def hang(host, port):
        release.wait(PATIENCE)
        return []

    client = OutboundClient(policy(total_deadline=DEADLINE), resolve=hang)
    kind, seconds = failure_of(lambda: client.post_form("https://red.test/cb", {}))
    release.set()

    assert kind == "dns"
    assert seconds < LATEST


@pytest.mark.spec("FLT-38")
@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_that_cannot_be_resolved_is_a_dns_failure(error):
    def fail(host, port):
        raise error

    kind, _ = failure_of(lambda: OutboundClient(policy(), resolve=fail).post_form("https://red.test/cb", {}))

    assert kind == "dns"


@pytest.mark.spec("FLT-25")
@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"X-A: " + b"a" * 1000 + b"\r\n", id="many headers"),
        pytest.param(b"a" * 4096, id="one endless line"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="interim responses at full speed"),
    ],
)
def test_headers_over_the_cap_are_refused_at_once(client, flood):
    def act(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\n" if flood[:1] != b"H" else b"")
        wire.flood(flood)

    with Server(once(act)) as red:
        kind, _ = failure_of(lambda: client.post_form(red.url(), {}))

    assert kind == "too_large"
    # What the kernels buffered on both sides, not ten megabytes.
    assert red.flooded < 10_000_000


@pytest.mark.parametrize(("size", "accepted"), [(16 * 1024, True), (16 * 1024 + 1, False)])
def test_the_header_cap_is_exact(client, size, accepted):
    start, end = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", b"\r\n\r\n"
    headers = start + b"a" * (size - len(start) - len(end)) + end
    with Server(once(lambda wire: wire.send(headers))) as red:
        if accepted:
            assert client.post_form(red.url(), {}).status == 200
        else:
            assert failure_of(lambda: client.post_form(red.url(), {}))[0] == "too_large"


@pytest.mark.spec("LIB-21")
def test_a_gzip_bomb_is_neither_decoded_nor_read_beyond_the_cap(client):
    bomb = gzip.compress(b"\0" * 20_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    with Server(once(lambda wire: wire.send(head + bomb))) as red:
        response = client.post_form(red.url(), {})

    assert response.status == 200
    assert response.body == bomb[:4096]


@pytest.mark.spec("THR-47")
@pytest.mark.parametrize("status", [200, 302, 503])
@pytest.mark.parametrize("chunked", [True, False])
def test_an_endless_body_is_left_alone_after_the_cap(status, chunked):
    deadline = timedelta(seconds=LATEST)
    client = OutboundClient(policy(total_deadline=deadline), resolve=always("127.0.0.1"))

    def act(wire: Wire) -> None:
        framing = b"Transfer-Encoding: chunked\r\n" if chunked else b""
        moved = b"Location: http://127.0.0.1:1/\r\n"
        wire.send(b"HTTP/1.1 %d X\r\n%b%b\r\n" % (status, framing, moved))
        wire.flood(b"400\r\n" + b"x" * 1024 + b"\r\n" if chunked else b"x" * 1024)

    with Server(once(act)) as red:
        response = client.post_form(red.url(), {})

    client.close()
    assert (response.status, len(response.body)) == (status, 4096)
    assert response.elapsed < deadline


@pytest.mark.spec("URL-57")
def test_a_document_over_the_limit_is_refused_and_one_at_the_limit_is_not(client):
    with Server(once(lambda wire: wire.send(OK))) as red:
        assert failure_of(lambda: client.get(red.url(), max_body_bytes=1))[0] == "too_large"
        assert client.get(red.url(), max_body_bytes=2).body == b"ok"


def test_a_document_that_is_cut_off_is_refused(client):
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    with Server(once(lambda wire: wire.send(cut))) as red:
        assert failure_of(lambda: client.get(red.url()))[0] == "reset"
        assert client.post_form(red.url(), {}).body == b"half"


def test_a_document_that_is_cut_off_in_a_chunk_is_refused(client):
    cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"
    with Server(once(lambda wire: wire.send(cut))) as red:
        assert failure_of(lambda: client.get(red.url()))[0] == "reset"
        assert client.post_form(red.url(), {}).body == b"hal"


def test_one_call_may_have_a_longer_deadline(client):
    def act(wire: Wire) -> None:
        wire.server.stopping.wait(2 * DEADLINE.total_seconds())
        wire.send(OK)

    with Server(once(act)) as red:
        assert client.post_form(red.url(), {}, total_deadline=timedelta(seconds=10)).status == 200
