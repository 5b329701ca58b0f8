"""A response counts for its own request: none is guessed, and none is left for the next one."""

from datetime import timedelta

import pytest

from provider.infrastructure.outbound_http import OutboundClient, OutboundFailure
from tests.infrastructure.outbound_servers import Server, always, answering, once, policy

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def client():
    client = OutboundClient(policy(), resolve=always("127.0.0.1"))
    yield client
    client.close()


@pytest.mark.spec("URL-52")
@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints", "199 Odd"])
def test_an_interim_response_is_not_the_response(client, interim):
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
        pytest.param(b"HTTP/1.1 101 Switching Protocols", id="an unrequested protocol"),
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
def test_a_status_line_that_is_not_well_formed_is_no_response(client, line):
    response = line + b"\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with Server(once(lambda wire: wire.send(response))) as red:
        with pytest.raises(OutboundFailure) as failure:
            client.post_form(red.url(), {})

        assert failure.value.kind == "protocol"


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 200 \xfcber", b"HTTP/1.9 200 OK"]
)
def test_a_status_line_needs_no_reason(client, line):
    with Server(once(lambda wire: wire.send(line + b"\r\nContent-Length: 0\r\n\r\n"))) as red:
        assert client.post_form(red.url(), {}).status == 200


BROKEN_CHUNKS = [
    pytest.param(b"-1\r\n" + b"x" * 9000, id="everything there is, to Python"),
    pytest.param(b"-2\r\n" + b"x" * 9000, id="a negative size"),
    pytest.param(b"0x2\r\nok\r\n0\r\n\r\n", id="a prefix"),
    pytest.param(b"+2\r\nok\r\n0\r\n\r\n", id="a sign"),
    pytest.param(b"0_2\r\nok\r\n0\r\n\r\n", id="a number only to Python"),
    pytest.param(b"\r\nok\r\n0\r\n\r\n", id="no size"),
    pytest.param(b"2\rok\r\n0\r\n\r\n", id="a carriage return alone"),
    pytest.param(b"f" * 5000 + b"\r\nok", id="a size without bounds"),
    pytest.param(b"2\r\nokXX0\r\n\r\n", id="a chunk that goes on"),
    pytest.param(b"2\r\nok\r\n00", id="a size that is cut off: 00 of 0005"),
]


@pytest.mark.spec("URL-52")
@pytest.mark.parametrize("chunks", BROKEN_CHUNKS)
def test_a_document_in_broken_chunks_is_refused(client, chunks):
    with Server(once(lambda wire: wire.send(CHUNKED + chunks))) as red:
        with pytest.raises(OutboundFailure) as failure:
            client.get(red.url())

        assert failure.value.kind == "protocol"


@pytest.mark.spec("FLT-21")
@pytest.mark.parametrize("chunks", BROKEN_CHUNKS)
def test_broken_chunks_take_nothing_from_a_status_but_end_the_connection(client, chunks):
    def script(wire):
        wire.read_request()
        wire.send(CHUNKED + chunks if wire.number == 1 else REFUSED)
        if not chunks.endswith(b"00"):
            wire.read_request()

    with Server(script) as red:
        assert [client.post_form(red.url(), {}).status for _ in range(2)] == [200, 500]
        assert red.connections == 2


@pytest.mark.spec("FLT-25")
def test_a_negative_chunk_is_not_read_to_its_end(client):
    def act(wire):
        wire.send(CHUNKED + b"-1\r\n")
        wire.flood(b"x" * 100_000)

    with Server(once(act)) as red:
        assert client.post_form(red.url(), {}, total_deadline=timedelta(seconds=2)).status == 200

    # What the kernels buffered on both sides.
    assert red.flooded < 10_000_000


def test_chunks_may_have_extensions_and_bare_line_feeds(client):
    body = b'002;a="b"\r\nok\r\n1 ; c\n!\r\n0\n\n'
    with Server(answering(CHUNKED + body)) as red:
        assert [client.get(red.url()).body for _ in range(2)] == [b"ok!", b"ok!"]
        assert red.connections == 1
        client.close()


def head(*fields: bytes, status: bytes = b"503 No") -> bytes:
    return b"".join(line + b"\r\n" for line in (b"HTTP/1.1 " + status, *fields, b""))


EMPTY = b"Content-Length: 0"
CODED = b"Transfer-Encoding: chunked"


@pytest.mark.spec("URL-52")
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(head(EMPTY, b"Content-Length: 25"), id="two lengths"),
        pytest.param(head(EMPTY, EMPTY), id="a length twice"),
        pytest.param(head(EMPTY, b"Transfer-Encoding: gzip, chunked"), id="a length and codings"),
        pytest.param(head(EMPTY, CODED) + b"0\r\n\r\n", id="a length and chunks"),
        pytest.param(head(EMPTY, b"Transfer-Encoding: gzip", CODED), id="two codings"),
        pytest.param(head(b"Content-Length: 25", status=b"304 Same"), id="a length where no body is"),
        pytest.param(head(CODED, status=b"204 Done"), id="chunks where no body is"),
        pytest.param(head(EMPTY) + b"HTTP/1.1 503 surplus\r\nX: y\r\n", id="a response and a half"),
        pytest.param(head(EMPTY, b"X: a\rTransfer-Encoding: chunked"), id="a carriage return alone"),
        pytest.param(head(EMPTY, b"X: a\r\rb"), id="carriage returns that look like the end"),
        pytest.param(head(EMPTY, b"Transfer-Encoding : chunked"), id="a blank before the colon"),
        pytest.param(head(EMPTY, b"X: y", b" Transfer-Encoding: chunked"), id="a folded line"),
        pytest.param(head(EMPTY, b"Transfer-Encoding\0: chunked"), id="a name that is none"),
        pytest.param(head(EMPTY, b"transfer-encoding chunked"), id="no colon"),
        pytest.param(head(EMPTY, b"Connection: keep-alive", b"Connection: close"), id="a farewell"),
        pytest.param(b"HTTP/1.0 503 No\r\nContent-Length: 0\r\n\r\n", id="an old version"),
        pytest.param(
            b"HTTP/1.0 503 No\r\nConnection: keep-alive\r\n" + CODED + b"\r\n\r\n0\r\n\r\n",
            id="chunks in an old version",
        ),
        pytest.param(
            b"HTTP/1.0 503 No\r\nConnection: keep-alive, close\r\nContent-Length: 0\r\n\r\n",
            id="a farewell in an old version",
        ),
    ],
)
def test_a_connection_whose_response_may_end_elsewhere_is_not_used_again(client, response):
    def script(wire):
        if wire.read_request() is not None:
            wire.send(response if wire.number == 1 else REFUSED)
        if wire.read_request() is not None:
            wire.send(b"HTTP/1.1 204 Smuggled\r\n\r\n")

    with Server(script) as red:
        status = int(response[9:12])

        assert [client.post_form(red.url(), {}).status for _ in range(2)] == [status, 500]
        assert red.connections == 2
        client.close()


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(head(EMPTY), id="a length of 0"),
        pytest.param(head(b"content-length:2 ", b"X:") + b"ok", id="a length"),
        pytest.param(head(CODED) + b"2\r\nok\r\n0\r\nX: y\r\n\r\n", id="chunks and a trailer"),
        pytest.param(head(status=b"204 Done"), id="204"),
        pytest.param(head(EMPTY, status=b"204 Done"), id="204 with a length of 0"),
        pytest.param(head(status=b"304 Same"), id="304"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", id="line feeds alone"),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", id="an old version"
        ),
    ],
)
def test_a_connection_whose_response_ends_for_certain_is_used_again(client, response):
    with Server(answering(response)) as red:
        assert {client.post_form(red.url(), {}).status for _ in range(3)} == {int(response[9:12])}
        assert red.connections == 1
        client.close()


@pytest.mark.spec("FLT-21")
def test_what_is_no_header_field_is_left_out(client):
    response = head(b"X-Odd : 1", b"no colon", b"X-Even:\t2 \t", b"X-Cut: a\rX-Evil: b", EMPTY)
    with Server(once(lambda wire: wire.send(response))) as red:
        headers = client.post_form(red.url(), {}).headers

    assert dict(headers) == {"X-Even": "2", "Content-Length": "0"}


@pytest.mark.spec("FLT-25")
@pytest.mark.parametrize("line", [b"X: y\r\n", b"y" * 4096])
def test_a_trailer_without_end_is_refused(client, line):
    def act(wire):
        wire.send(CHUNKED + b"2\r\nok\r\n0\r\n")
        wire.flood(line)

    with Server(once(act)) as red:
        with pytest.raises(OutboundFailure) as failure:
            client.get(red.url())

        assert failure.value.kind == "protocol"
    assert red.flooded < 10_000_000
