"""A body beyond the limit is refused as a whole, however it is sent; nothing of it is obeyed."""

import pytest

from tests.server.conftest import Served

pytestmark = pytest.mark.processes

LIMIT = 16 * 1024
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def here(serve) -> Served:
    return serve(CURFEW_MAX_BODY_BYTES=str(LIMIT), CURFEW_MAX_PARAMETER_BYTES=str(LIMIT))


def chunked(*pieces: str) -> str:
    return "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in (*pieces, ""))


def request(body: str, *headers: str, path: str = "/token") -> str:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n{body}"


@pytest.mark.parametrize("path", ["/token", "/sign-in", "/account/sign-out-everywhere", "/nowhere"])
@pytest.mark.parametrize("size", [LIMIT + 1, 40 * LIMIT])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_it_is_413_with_a_length_and_without(here, path, size, is_chunked):
    rest = "grant_type=client_credentials&client_id=x&"
    body = rest + "a" * (size - len(rest))
    if is_chunked:
        sent = request(
            chunked(body[:1000], body[1000:]), FORM.strip(), "Transfer-Encoding: chunked", path=path
        )
    else:
        sent = request(body, FORM.strip(), f"Content-Length: {size}", path=path)

    assert here.response_to(sent).startswith("HTTP/1.1 413 ")


def test_what_is_refused_by_its_announcement_is_not_waited_for(here):
    # The server closes the connection only after the deadline for bodies.
    connection = here.send(request("", FORM.strip(), "Content-Length: 99999999"))

    assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_of_the_longest_length_is_read_to_its_end(here):
    body = "client_id=unknown&token="
    body += "x" * (LIMIT - len(body))

    response = here.response_to(
        request(chunked(body[:7], body[7:]), FORM.strip(), "Transfer-Encoding: chunked", path="/revoke")
    )

    assert response.startswith("HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param('{"grant_type": "client_credentials"}', "application/json", id="another media type"),
        pytest.param("grant_type=a", "text/plain", id="plain text"),
        pytest.param(
            "grant_type=a&grant_type=a", "application/x-www-form-urlencoded", id="a parameter twice"
        ),
    ],
)
def test_the_rules_of_a_form_hold_for_a_chunked_one(here, body, content_type):
    responses = [
        here.response_to(request(sent, f"Content-Type: {content_type}", framing))
        for sent, framing in (
            (body, f"Content-Length: {len(body)}"),
            (chunked(body[:5], body[5:]), "Transfer-Encoding: chunked"),
        )
    ]

    assert all(response.startswith("HTTP/1.1 400 ") for response in responses)
    assert len({response.partition("\r\n\r\n")[2] for response in responses}) == 1
