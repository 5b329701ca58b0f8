"""An answer counts for its own request: none is guessed, and none is left for the next one."""

import pytest
from outbound_servers import Server, always, once, policy

from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure

REFUSED = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def client():
    client = OutboundClient(policy(), resolve=always("127.0.0.1"))
    yield client
    client.close()


@pytest.mark.spec("URL-52")
@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints", "199 Odd"])
def test_an_interim_answer_is_not_the_answer(client, interim):
    final = b"HTTP/1.1 204 Done\r\n\r\n"

    def script(wire):
        while wire.read_request() is not None:
            wire.send(f"HTTP/1.1 {interim}\r\nLink: </a>\r\n\r\n".encode() * 2)
            wire.send(final if len(wire.server.requests) == 1 else REFUSED)

    with Server(script) as red:
        assert [client.post_form(red.url(), {}).status for _ in range(2)] == [204, 500]
        assert red.connections == 1
        client.close()


@pytest.mark.spec("URL-52")
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"HTTP/1.1 101 Switching Protocols", id="a protocol that nobody asked for"),
        pytest.param(b"HTTP/1.1 0200 OK", id="four digits"),
        pytest.param(b"HTTP/1.1 2_00 OK", id="a number only to Python"),
        pytest.param(b"HTTP/1.1 +200 OK", id="a sign"),
        pytest.param(b"HTTP/1.1 099 OK", id="no status below 100"),
        pytest.param(b"HTTP/1.1  200 OK", id="two spaces"),
        pytest.param(b"HTTP/1.1\xa0200\xa0OK", id="a space of another kind"),
        pytest.param(b"HTTP/1.1 \r200 OK", id="a carriage return alone"),
        pytest.param(b"HTTP/1.999 200 OK", id="a version that there is not"),
        pytest.param(b"HTTP/0.9 200 OK", id="a version without status lines"),
        pytest.param(b"HTTP/2 200", id="a version without text"),
        pytest.param(b"ICY 200 OK", id="another protocol"),
        pytest.param(b"", id="an empty line"),
    ],
)
def test_a_status_line_that_is_not_well_formed_is_no_answer(client, line):
    answer = line + b"\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with Server(once(lambda wire: wire.send(answer))) as red:
        with pytest.raises(OutboundFailure) as failure:
            client.post_form(red.url(), {})

        assert failure.value.kind == "protocol"


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 200 \xfcber", b"HTTP/1.9 200 OK"]
)
def test_a_status_line_needs_no_reason(client, line):
    with Server(once(lambda wire: wire.send(line + b"\r\nContent-Length: 0\r\n\r\n"))) as red:
        assert client.post_form(red.url(), {}).status == 200
