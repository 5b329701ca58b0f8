"""Reuse of connections: never one whose next response could be the previous one's."""

import socket
import threading
from ipaddress import ip_address

import pytest

from provider.infrastructure.outbound.sockets import checked_peer
from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure, RefusedTarget
from tests.infrastructure.outbound_servers import OK, Server, always, answering, once, policy
from tests.support.waiting import PATIENCE


@pytest.fixture
def client():
    client = OutboundClient(policy(), resolve=always("127.0.0.1"))
    yield client
    client.close()


def test_a_connection_is_used_again(client):
    with Server(answering(OK)) as red:
        for _ in range(3):
            client.post_form(red.url(), {})

        assert (red.connections, len(red.requests)) == (1, 3)
        client.close()


def test_a_chunked_response_is_read_to_its_end_and_the_connection_used_again(client):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    with Server(answering(chunked)) as red:
        bodies = [client.get(red.url()).body for _ in range(2)]

        assert (bodies, red.connections) == ([b"abc", b"abc"], 1)
        client.close()


def test_many_threads_share_one_client(client):
    results: list[bytes] = []

    def call(number: int) -> None:
        for _ in range(10):
            response = client.post_form(red.url(), {"n": str(number)})
            results.append(response.body)

    with Server(answering(OK)) as red:
        threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

        assert results == [b"ok"] * 80
        assert red.connections <= 8
        client.close()


def test_an_idle_connection_that_the_server_closed_is_replaced(client):
    closed = threading.Event()

    def script(wire):
        wire.read_request()
        wire.send(OK)
        if wire.number == 1:
            wire.sock.close()
            closed.set()
        else:
            wire.read_request()

    with Server(script) as red:
        client.post_form(red.url(), {})
        assert closed.wait(PATIENCE)

        assert client.post_form(red.url(), {}).status == 200
        assert (red.connections, len(red.requests)) == (2, 2)
        client.close()


def test_an_unrequested_response_is_not_taken_for_the_next_one(client):
    responded, forged = threading.Event(), threading.Event()

    def script(wire):
        wire.read_request()
        wire.send(OK)
        if wire.number == 1:
            responded.wait(PATIENCE)
            wire.send(b"HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n")
            forged.set()
        wire.read_request()

    with Server(script) as red:
        client.post_form(red.url(), {})
        responded.set()
        assert forged.wait(PATIENCE)

        assert client.post_form(red.url(), {}).status == 200
        assert red.connections == 2
        client.close()


def ends_in_silence(end: str):
    """The first connection is idle and open; the server ends it upon the next request, without a word."""

    def script(wire):
        wire.read_request()
        if wire.number <= 2:
            wire.send(OK)
        if wire.read_request() is not None and end == "reset":
            wire.reset()

    return script


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_reused_connection_that_ends_in_silence_is_tried_once_on_a_fresh_one(client, end):
    with Server(ends_in_silence(end)) as red:
        client.get(red.url())

        assert client.get(red.url()).status == 200
        assert red.connections == 2
        client.close()


@pytest.mark.spec("FLT-23")
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_form_is_never_posted_twice(client, end):
    # The server may have processed it: the same token would come again, and its jti is used up.
    with Server(ends_in_silence(end)) as red:
        client.post_form(red.url(), {})
        with pytest.raises(OutboundFailure) as failure:
            client.post_form(red.url(), {})

        assert failure.value.kind == "reset"
        assert (red.connections, len(red.requests)) == (1, 2)
        client.close()


def test_a_reused_connection_that_ends_within_a_response_is_not_tried_again(client):
    # After an interim response the request is known to have arrived: sending it again would make it two.
    def script(wire):
        wire.read_request()
        wire.send(OK)
        if wire.read_request() is not None:
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    with Server(script) as red:
        client.post_form(red.url(), {})
        with pytest.raises(OutboundFailure) as failure:
            client.post_form(red.url(), {})

        assert failure.value.kind == "reset"
        assert (red.connections, len(red.requests)) == (1, 2)


def test_a_socket_whose_peer_was_not_checked_is_refused():
    with Server(answering(OK)) as red, socket.create_connection(("127.0.0.1", red.port)) as sock:
        checked_peer(sock, [ip_address("127.0.0.1")])
        with pytest.raises(RefusedTarget):
            checked_peer(sock, [ip_address("127.0.0.2"), ip_address("::1")])


@pytest.mark.spec("FLT-23")
def test_a_fresh_connection_that_ends_in_silence_is_a_failure_and_not_repeated(client):
    with Server(once(lambda wire: wire.reset())) as red:
        with pytest.raises(OutboundFailure) as failure:
            client.post_form(red.url(), {})

        assert failure.value.kind == "reset"
        assert red.connections == 1
