"""Public responses are repeated for a second without the application, and are what it would say."""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from provider.infrastructure import metrics
from provider.server import BodyLimits, Front, Shared
from provider.server.response import Response
from provider.server.snapshots import Snapshots
from provider.web.routes import table
from tests.support.waiting import PATIENCE

KEYS = b"/keys"
BODY = b'{"keys": [%s]}' % (b"1, " * 300 + b"1")
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
    (b"cache-control", b"public, max-age=300"),
    (b"etag", b'"one"'),
    (b"access-control-allow-origin", b"*"),
    (b"x-request-id", b"of-the-application"),
]
SHARED = {"/keys": Shared("keys", timedelta(seconds=1))}
LIMITS = BodyLimits(most_bytes=1000, deadline=5)


def scope(path=KEYS, method="GET", query=b"", **headers):
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "raw_path": path,
        "query_string": query,
        "headers": named,
    }


async def ask(front, asked):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await front(asked, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def asked_in_turn(front, *scopes):
    """Return the responses, given one after the other in a loop of their own."""

    async def play():
        return [await ask(front, one) for one in scopes]

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(play())).result(PATIENCE)


class Application:
    """Answers with what it was given, and remembers what it was asked."""

    def __init__(self, status="200 OK", headers=HEADERS, body=BODY):
        self.status, self.body, self.asked = status, body, []
        self.headers = [(name.decode(), value.decode()) for name, value in headers]

    def __call__(self, environ, start_response):
        self.asked.append(environ)
        start_response(self.status, self.headers)
        return [self.body]


def front_of(application, issuer_path=""):
    return Front(application, threads=1, limits=LIMITS, patience=5, issuer_path=issuer_path, shared=SHARED)


def test_a_plain_request_is_answered_once_by_the_application():
    application = Application()

    responses = asked_in_turn(front_of(application), scope(), scope(origin="https://red.test"), scope())

    assert len(application.asked) == 1
    assert {(status, body) for status, _, body in responses} == {(200, BODY)}
    assert len({headers[b"x-request-id"] for _, headers, _ in responses}) == 3
    for _, headers, _ in responses:
        assert headers.items() - {(b"x-request-id", headers[b"x-request-id"])} == {
            *((name, value) for name, value in HEADERS if name != b"x-request-id"),
            (b"vary", b"Accept-Encoding"),
        }


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(scope(cookie="a=1"), id="a cookie"),
        pytest.param(scope(authorization="Bearer x"), id="credentials"),
        pytest.param(scope(query=b"x=1"), id="a query"),
        pytest.param(scope(method="POST"), id="another method"),
        pytest.param(scope(method="OPTIONS", origin="https://red.test"), id="a preflight"),
        pytest.param(scope(range="bytes=0-1"), id="a part"),
        pytest.param(scope(content_length="0"), id="a body"),
        pytest.param(scope(x_unknown="1"), id="a header that nothing is known about"),
        pytest.param(scope(path=b"/%6beys"), id="another spelling"),
        pytest.param(scope(path=b"/keys/"), id="another address"),
    ],
)
def test_anything_else_is_for_the_application(asked):
    application = Application()

    asked_in_turn(front_of(application), scope(), asked, asked)

    assert len(application.asked) == 3


def test_a_header_with_an_underscore_is_for_the_application():
    application, disguised = Application(), scope()
    disguised["headers"] = [(b"x_forwarded_for", b"192.0.2.1")]

    asked_in_turn(front_of(application), scope(), disguised)

    assert len(application.asked) == 2


def test_head_has_the_headers_of_get_and_no_body():
    get, head = asked_in_turn(front_of(Application()), scope(), scope(method="HEAD"))

    assert head[0] == 200
    assert head[2] == b""
    assert {**head[1], b"x-request-id": b""} == {**get[1], b"x-request-id": b""}


@pytest.mark.parametrize(
    ("known", "status"),
    [('"one"', 304), ('W/"one"', 304), ('"zero", "one"', 304), ("*", 304), ('"zero"', 200), ("one", 200)],
)
def test_a_caller_that_has_the_present_form_learns_so(known, status):
    application = Application()

    for response in asked_in_turn(front_of(application), *[scope(if_none_match=known)] * 2):
        assert response[0] == status
        assert response[2] == (BODY if status == 200 else b"")
        assert (b"content-type" in response[1]) is (status == 200)
        assert response[1][b"etag"] == b'"one"'
        assert response[1][b"access-control-allow-origin"] == b"*"
    assert len(application.asked) == 1


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5, br", True),
        ("gzip; q=0", False),
        ("gzip;q=0.000", False),
        ("br", False),
        ("identity", False),
        ("", False),
    ],
)
def test_the_body_is_packed_for_who_can_read_it(accepted, is_packed):
    [_, (status, headers, body)] = asked_in_turn(
        front_of(Application()), scope(), scope(accept_encoding=accepted)
    )

    assert status == 200
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers[b"vary"] == b"Accept-Encoding"
    assert (b"content-encoding" in headers) is is_packed
    assert (gzip.decompress(body) if is_packed else body) == BODY
    # rfc9110 §8.8.3.3: each form has a tag of its own.
    assert headers[b"etag"] == (b'"one-gzip"' if is_packed else b'"one"')


def test_a_tag_of_one_form_is_not_the_tag_of_the_other():
    front = front_of(Application())

    packed, plain = asked_in_turn(
        front,
        scope(accept_encoding="gzip", if_none_match='"one-gzip"'),
        scope(if_none_match='"one-gzip"'),
    )

    assert (packed[0], plain[0]) == (304, 200)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([*HEADERS, (b"set-cookie", b"a=1")], id="a cookie"),
        pytest.param([*HEADERS, (b"vary", b"Accept-Language")], id="in several languages"),
        pytest.param([*HEADERS[:2], *HEADERS[3:]], id="not said to be public"),
        pytest.param([*HEADERS[:3], *HEADERS[4:]], id="without a tag"),
    ],
)
def test_what_is_not_for_everyone_is_answered_by_the_application_each_time(headers):
    application = Application(headers=headers)

    asked_in_turn(front_of(application), *[scope(accept_language="de")] * 2)

    assert [one.get("HTTP_ACCEPT_LANGUAGE") for one in application.asked] == [None, "de"] * 2


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_failure_is_passed_on_and_not_kept(method):
    application = Application(status="503 Service Unavailable")

    failed = asked_in_turn(front_of(application), *[scope(method=method)] * 2)

    assert [(status, body) for status, _, body in failed] == [(503, BODY if method == "GET" else b"")] * 2
    assert len(application.asked) == 2


@pytest.mark.parametrize("path", [b"/keys", b"/auth/keys"])
def test_the_issuers_path_may_be_there_or_not(path):
    application = Application()

    asked_in_turn(front_of(application, "/auth"), scope(path=path), scope(path=path))

    assert len(application.asked) == 1


def test_what_is_repeated_is_counted_as_the_application_counts():
    counted = metrics.REQUESTS.labels("keys", "HEAD", "304")
    before = counted._value.get()

    # The application counts the first one itself.
    asked_in_turn(front_of(Application()), *[scope(method="HEAD", if_none_match="*")] * 3)

    assert counted._value.get() == before + 2


def test_after_a_second_the_application_is_asked_again():
    instant = [100.0]
    snapshots = Snapshots(SHARED, "", now=lambda: instant[0])
    wanted = snapshots.wanted(scope())
    snapshots.keep(wanted, Response(200, HEADERS, BODY))

    instant[0] += 0.99
    assert snapshots.repeat(wanted)
    instant[0] += 0.01
    assert snapshots.repeat(wanted) is None


def response_of_application(http, path):
    """Return status, body, and the headers that are not of each response alone."""
    with http.get(path) as response:
        headers = {name.lower().encode(): value.encode() for name, value in response.headers}
        # The server writes the date.
        for name in (b"x-request-id", b"date"):
            headers.pop(name, None)
        return response.status_code, headers, response.data


def test_the_shared_responses_are_those_of_the_application(app, http):
    shared = table(app).shared()
    moments = {path for path, about in shared.items() if not about.is_constant}
    front = Front(app, threads=1, limits=LIMITS, patience=5, shared=shared)

    assert moments == {
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/jwks",
    }
    for address in shared:
        path, _, query = address.partition("?")
        asked = scope(path=path.encode(), query=query.encode())
        same = response_of_application(http, address)
        for status, headers, body in asked_in_turn(front, asked, asked):
            assert headers.pop(b"x-request-id"), address
            if headers.get(b"vary") == b"Accept-Encoding":
                same[1][b"vary"] = b"Accept-Encoding"
            assert (status, headers, body) == same, address
