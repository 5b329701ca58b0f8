"""No address, host or URI that a request may hold ends in a 500: it is refused like any other wrong one."""

import re
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask

from provider.infrastructure.database import transaction
from tests.factories import make_account, make_session
from tests.support.browsers import show_session
from tests.support.relying_party import RelyingParty

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NATIVE = {"application_type": "native", "token_endpoint_auth_method": "none"}
WITHOUT_WEB = {"client_uri": None, "backchannel_logout_uri": None, "post_logout_redirect_uris": None}
ODD = {
    "a line break and a header": b"\r\nSet-Cookie: a=b",
    "a line break at the end": b"x" * 43 + b"\n",
    "NUL": b"x\0",
    "no UTF-8": b"\xff\xfe",
    "an unpaired surrogate": b"\xed\xa0\x80",
    "an overlong form": b"\xc0\x80",
    "a direction mark": "\u202e".encode(),
    "another query": b"?a=b#c",
    "backslashes": b"\\\\evil.test",
    "a next-line character": b"\xc2\x85x",
    "a broken IPv6 address": b"http://[::1",
    "very much": b"x" * 4000,
}


def addresses_with(app: Flask, part: str) -> Iterator[tuple[str, str]]:
    """Every address of the application that has a variable part, with this in each of them."""
    for rule in app.url_map.iter_rules():
        if rule.arguments:
            yield re.sub("<[^>]+>", lambda _: part, rule.rule), min(rule.methods - {"HEAD"})


@pytest.mark.parametrize("part", ODD.values(), ids=ODD)
@ON_SQLITE
def test_no_part_of_an_address_breaks_the_response(app, http, part):
    """The attack: `/authorize/resume/%0d%0aX` was a 500."""
    show_session(http, make_session(make_account("ada")))

    for address, method in addresses_with(app, quote_from_bytes(part, safe="")):
        response = http.open(address, method=method)

        assert response.status_code < 500, address
        assert "Set-Cookie: a=b" not in str(response.headers)
        assert response.mimetype in ("text/html", "application/json", "application/problem+json"), address


@ON_SQLITE
def test_an_unknown_handle_is_explained_as_before(http):
    """The honest neighbour: an address that was mistyped, or is too old."""
    for handle in ("x" * 43, "x" * 42, "mistyped"):
        assert http.get(f"/sign-in/{handle}").status_code == 410
        assert http.get(f"/authorize/resume/{handle}").headers["Location"] == f"/sign-in/{handle}"


@pytest.mark.parametrize(
    "host", ["a..b", "a" * 64 + ".test", "[::1", "localhost:99999", "x y", "@", "", "xn--\xff", "evil.test"]
)
@ON_SQLITE
def test_no_host_header_breaks_a_page_or_gets_into_it(http, host):
    """The attack: `Host: a..b` was a bare 500, because the framework encodes the name for each link."""
    response = http.get("/sign-in", headers={"Host": host})

    assert response.status_code == 200
    assert "evil.test" not in response.text


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:99999/cb", "http://127.0.0.1:65536/cb", "http://[::1]:99999/cb", "http://127.0.0.1:0/cb",
        "http://127.0.0.1:\u0663/cb", "http://[::1/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:+1/cb",
    ],
)  # fmt: skip
@ON_SQLITE
def test_no_port_of_a_loopback_address_breaks_the_response(app, http, uri):
    """The attack: `http://127.0.0.1:99999/cb` was a 500, at the end of a sign-in and of a sign-out."""
    red = RelyingParty(
        app, **(NATIVE | WITHOUT_WEB), redirect_uris=["http://127.0.0.1/cb", "http://[::1]/cb"]
    )

    for changes in ({}, {"prompt": "none"}, {"scope": "nonsense"}):
        assert red.authorize(http, redirect_uri=uri, **changes).status_code == 400
    asked = {"client_id": "red", "post_logout_redirect_uri": uri}
    assert http.get("/session/end", query_string=asked).status_code == 200


@ON_SQLITE
def test_a_private_use_uri_that_no_redirect_can_be_made_of_is_as_good_as_unregistered(app, http):
    """An older release registered `com.example.red://host:99999/cb`."""
    red = RelyingParty(app, **(NATIVE | WITHOUT_WEB), redirect_uris=["com.example.red:/cb"])
    odd = "com.example.red://host:99999/cb"
    with transaction():
        red.client.registered = red.client.registered | {"redirect_uris": [odd]}

    assert red.authorize(http, redirect_uri=odd, prompt="none").status_code == 400


@ON_SQLITE
def test_a_private_use_uri_with_a_name_after_the_slashes_works(app, http):
    uri = "com.example.red://callback/cb"
    red = RelyingParty(app, **(NATIVE | WITHOUT_WEB), redirect_uris=[uri])

    response = red.authorize(http, prompt="none")

    assert response.headers["Location"].startswith(f"{uri}?error=login_required")
