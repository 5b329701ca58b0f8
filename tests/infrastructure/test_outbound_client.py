"""The bytes that go over the wire, and where to."""

from ipaddress import ip_address

import pytest

from provider.infrastructure.outbound.resolver import ask_system
from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure, RefusedTarget
from tests.infrastructure.outbound_servers import LOOPBACK, OK, Server, always, answering, once, policy


@pytest.fixture
def client():
    client = OutboundClient(policy(), resolve=always("127.0.0.1"))
    yield client
    client.close()


def test_a_form_is_posted_and_the_response_returned(client):
    with Server(answering(b"HTTP/1.1 400 Bad\r\nX-Why: no\r\nContent-Length: 3\r\n\r\nbad")) as red:
        response = client.post_form(
            red.url("/cb?a=1"), {"logout_token": "a+b&c"}, headers={"X-Delivery": "7"}
        )

        assert (response.status, response.body, response.headers["x-why"]) == (400, b"bad", "no")
        assert response.elapsed.total_seconds() > 0
    head, _, body = red.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /cb?a=1 HTTP/1.1"
    assert body == b"logout_token=a%2Bb%26c"
    assert b"Content-Type: application/x-www-form-urlencoded" in lines
    assert b"X-Delivery: 7" in lines


@pytest.mark.spec("LIB-22")
def test_the_name_stays_in_the_host_header_when_the_address_is_dialled(client):
    with Server(answering(OK)) as red:
        client.post_form(red.url(host="red.test"), {})

    assert f"Host: red.test:{red.port}".encode() in red.requests[0].split(b"\r\n")


def test_a_request_is_written_in_one_piece_and_nothing_is_added_to_it(client):
    with Server(answering(OK)) as red:
        client.get(red.url("/keys?x=%20"), headers={"accept": "image/png"})

    assert red.requests == [
        b"GET /keys?x=%20 HTTP/1.1\r\nUser-Agent: Curfew\r\naccept: image/png\r\n"
        b"Accept-Encoding: identity\r\nHost: 127.0.0.1:" + str(red.port).encode() + b"\r\n\r\n"
    ]


@pytest.mark.spec("LIB-21")
def test_no_caller_can_ask_for_an_encoding_or_another_host(client):
    with Server(answering(OK)) as red:
        client.get(red.url(), headers={"accept-encoding": "gzip", "host": "green.test"})

    head = red.requests[0].lower()
    assert head.count(b"accept-encoding:") == 1
    assert b"accept-encoding: identity" in head
    assert b"green.test" not in head


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.spec("URL-40")
def test_redirects_are_responses_and_are_not_followed(client, status):
    with Server(answering(OK)) as green:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {green.url()}\r\nRefresh: 0; url={green.url()}\r\n"
        with Server(answering(f"{moved}Content-Length: 0\r\n\r\n".encode())) as red:
            response = client.post_form(red.url(), {"logout_token": "t"})

        assert response.status == status
        assert green.connections == 0


@pytest.mark.spec("LIB-20")
def test_proxies_and_netrc_of_the_environment_have_no_effect(client, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    with Server(answering(OK)) as proxy, Server(answering(OK)) as red:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

        assert client.post_form(red.url(), {}).status == 200
        assert proxy.connections == 0
    assert b"authorization" not in red.requests[0].lower()


def test_cookies_of_one_party_are_never_sent_again(client):
    with Server(answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n")) as red:
        client.post_form(red.url(), {})
        client.post_form(red.url(), {})

    assert b"cookie" not in red.requests[1].lower()


@pytest.mark.spec("URL-47")
@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1", "10.0.0.1"], id="a good one and a bad one"),
        pytest.param(["127.0.0.1", "::1"], id="the other family is bad"),
        pytest.param([f"127.0.0.{n}" for n in range(1, 51)], id="fifty good ones"),
    ],
)
def test_one_bad_address_refuses_the_whole_name(addresses):
    with Server(answering(OK)) as red:
        with pytest.raises(RefusedTarget):
            OutboundClient(policy(), resolve=always(*addresses)).post_form(red.url(host="red.test"), {})

        assert red.connections == 0


@pytest.mark.spec("URL-48")
def test_a_name_that_is_rebound_between_calls_is_refused_even_on_an_open_connection():
    responses = iter([["127.0.0.1"], ["10.0.0.1"], ["127.0.0.2"], ["127.0.0.1"]])
    client = OutboundClient(policy(), resolve=lambda _host, _port: list(map(ip_address, next(responses))))
    with Server(answering(OK)) as red:
        url = red.url(host="red.test")
        client.post_form(url, {})
        with pytest.raises(RefusedTarget):
            client.post_form(url, {})
        # Allowed, but the open connection goes to another address, and this one is closed.
        with pytest.raises(OutboundFailure) as failure:
            client.post_form(url, {})

        assert failure.value.kind == "connect"
        assert red.connections == 1
        assert len(red.requests) == 1
    client.close()


def test_the_next_address_is_tried_when_the_first_does_not_answer():
    client = OutboundClient(policy(), resolve=always("127.0.0.2", "127.0.0.1"))
    with Server(answering(OK)) as red:
        assert client.post_form(red.url(host="red.test"), {}).status == 200
    client.close()


@pytest.mark.parametrize("host", ["localhost", "red.localhost"])
def test_localhost_is_called_where_only_one_family_is_listed(host):
    client = OutboundClient(policy(), resolve=always("10.0.0.1"))
    with Server(answering(OK)) as red:
        assert client.post_form(red.url(host=host), {}).status == 200
    client.close()


def test_the_system_resolver_gives_each_address_once():
    addresses = ask_system("localhost", 80)

    assert ip_address("127.0.0.1") in addresses
    assert len(addresses) == len(set(addresses))


def test_an_odd_port_at_a_public_name_is_refused_after_resolution():
    client = OutboundClient(policy(allowed_networks=LOOPBACK), resolve=always("8.8.8.8"))

    with pytest.raises(RefusedTarget):
        client.post_form("http://red.test/cb", {})
    with pytest.raises(RefusedTarget):
        client.post_form("https://red.test:9999/cb", {})


def test_a_closed_port_is_a_connect_failure(client):
    with Server(answering(OK)) as red:
        url = red.url()
    with pytest.raises(OutboundFailure) as failure:
        client.post_form(url, {})

    assert failure.value.kind == "connect"


NOISES = [b"220 smtp.test ESMTP\r\n", b"-ERR unknown command\r\n", b"\0" * 100 + b"\n"]


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.spec("URL-52")
def test_what_does_not_speak_http_is_a_protocol_failure(client, noise):
    with Server(once(lambda wire: wire.send(noise))) as red:
        with pytest.raises(OutboundFailure) as failure:
            client.post_form(red.url(), {})

        assert failure.value.kind == "protocol"


@pytest.mark.spec("URL-52")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Delivery", "7\r\nX-Evil: 1"),
        ("X-Delivery", "7\n"),
        ("X-Delivery", "7\0"),
        ("X-Delivery", "\u0100"),
        ("X-Delivery\r\nX-Evil", "1"),
        ("X Delivery", "7"),
        ("X-Delivery:", "7"),
        ("", "7"),
    ],
)
def test_a_header_that_is_none_is_the_callers_mistake(client, name, value):
    with Server(answering(OK)) as red:
        with pytest.raises(ValueError, match="header"):
            client.post_form(red.url(), {}, headers={name: value})

        assert red.requests == []
