"""Constants, such as static files, are asked of the application once, whatever comes with a request."""

import gzip
import re

import pytest

from provider.server import Front, Shared
from provider.web.routes import table
from tests.server.test_snapshots import LIMITS, Application, asked_in_turn, scope

FILE = b"/style.css"
BODY = b"p { margin: 0 }" * 100
HEADERS = [
    (b"content-type", b"text/css"),
    (b"cache-control", b"public, max-age=300"),
    (b"etag", b'"one"'),
    (b"date", b"Mon, 30 Nov 2026 00:00:00 GMT"),
]
ALIVE = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"vary", b"Cookie")]
CONSTANT = {address: Shared("static") for address in ("/style.css", "/style.css?v=1")}
PAST = "Sun, 29 Nov 2026 00:00:00 GMT"


def front_of(application):
    return Front(application, threads=1, limits=LIMITS, patience=5, shared=CONSTANT)


def css():
    return Application(headers=HEADERS, body=BODY)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(scope(FILE, cookie="a=1"), id="a cookie"),
        pytest.param(scope(FILE, authorization="Bearer x"), id="credentials"),
        pytest.param(scope(FILE, x_of_a_balancer="1"), id="any header"),
        pytest.param(scope(FILE, method="HEAD"), id="HEAD"),
        pytest.param(scope(FILE, if_none_match="*", if_modified_since=PAST), id="a date that is ignored"),
    ],
)
def test_the_application_is_asked_once(asked):
    application = css()

    responses = asked_in_turn(front_of(application), asked, scope(FILE), asked)

    assert len(application.asked) == 1
    assert not [name for name in application.asked[0] if name.startswith("HTTP_")]
    assert responses[1][0] == 200
    assert responses[1][2] == BODY
    # The server writes the date of each response.
    assert all(b"date" not in headers for _, headers, _ in responses)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(scope(FILE, method="POST"), id="another method"),
        pytest.param(scope(FILE, range="bytes=0-1"), id="a part"),
        pytest.param(scope(FILE, content_length="0"), id="a body"),
        pytest.param(scope(FILE, if_modified_since=PAST), id="a date"),
        pytest.param(scope(FILE, query=b"v=2"), id="another query"),
        pytest.param(scope(b"/style%2ecss"), id="another spelling"),
        pytest.param(scope(FILE) | {"headers": [(b"x_forwarded_for", b"::1")]}, id="a disguised header"),
    ],
)
def test_anything_else_is_for_the_application(asked):
    application = css()

    asked_in_turn(front_of(application), scope(FILE), asked, asked)

    assert len(application.asked) == 3


def test_each_address_is_asked_for_with_its_query():
    application = css()

    asked_in_turn(front_of(application), *[scope(FILE, query=b"v=1"), scope(FILE)] * 2)

    assert [one["QUERY_STRING"] for one in application.asked] == ["v=1", ""]


def test_it_is_packed_and_tagged():
    front = front_of(css())

    packed, known = asked_in_turn(
        front,
        scope(FILE, accept_encoding="br, gzip"),
        scope(FILE, accept_encoding="br, gzip", if_none_match='"one-gzip"'),
    )

    assert gzip.decompress(packed[2]) == BODY
    assert packed[1][b"etag"] == b'"one-gzip"'
    assert (known[0], known[2]) == (304, b"")


def test_a_constant_without_a_tag_is_repeated_as_it_is():
    application = Application(headers=ALIVE, body=b"{}")

    responses = asked_in_turn(front_of(application), *[scope(FILE, cookie="a=1", if_none_match="*")] * 2)

    assert len(application.asked) == 1
    for status, headers, body in responses:
        assert (status, body) == (200, b"{}")
        assert headers[b"cache-control"] == b"no-store"
        assert b"etag" not in headers


def test_a_response_that_sets_a_cookie_is_no_constant():
    application = Application(headers=[*HEADERS, (b"set-cookie", b"a=1")], body=BODY)

    asked_in_turn(front_of(application), *[scope(FILE)] * 2)

    # Each time without what the request says, and then as it is.
    assert len(application.asked) == 4


def test_the_files_that_a_page_refers_to_are_constants(app, http):
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', http.get("/").text)

    assert addresses
    assert set(addresses) <= set(table(app).shared())


def test_an_old_version_of_a_file_is_not_kept_for_a_year(http):
    with http.get("/static/curfew.css?v=of-yesterday") as response:
        assert response.headers["Cache-Control"] == "public, max-age=300"
