"""Limits behind a proxy hold for the requester that it saw, however it writes that down (SEC-403)."""

import json

import pytest

from tests.server.conftest import Served

pytestmark = pytest.mark.processes

BODY = json.dumps({"redirect_uris": ["https://red.test/cb"]})
SETTINGS = {
    "CURFEW_REGISTRATION": "open",
    "CURFEW_REGISTRATION_LIMIT": "1 per hour",
    "CURFEW_TRUSTED_PROXIES": "1",
}


def register(here: Served, *headers: str) -> int:
    """Register an app, which each network may do once an hour, through a proxy that adds these headers."""
    lines = "".join(f"{header}\r\n" for header in headers)
    response = here.response_to(
        "POST /register HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n{lines}\r\n{BODY}"
    )
    return int(response.split(" ", 2)[1])


@pytest.fixture(scope="module")
def here(serve) -> Served:
    return serve(**SETTINGS, CURFEW_CLIENT_CERTIFICATE_HEADER="XClientCert")


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        pytest.param("203.0.113.8:51234", "203.0.113.8:51235", "203.0.113.9:51234", id="IPv4 with ports"),
        pytest.param("[2001:db8:a::1]:443", "[2001:db8:a::2]:444", "2001:db8:b::1", id="IPv6 with ports"),
        pytest.param("192.0.2.1", "6.6.6.6, 192.0.2.1", "192.0.2.2", id="a forged entry in front"),
        pytest.param("fe80::1%eth0", "[fe80::1%25eth1]:1", "fe80:0:0:1::1", id="zones"),
        pytest.param("unknown", "_hidden", "192.0.2.3", id="who is not known is one, and not the proxy"),
    ],
)
def test_each_requester_has_a_limit_of_its_own(here, first, same, other):
    statuses = [register(here, f"X-Forwarded-For: {chain}") for chain in (first, same, other)]

    assert statuses == [201, 429, 201]


def test_what_a_requester_sends_in_a_line_of_its_own_comes_before_the_proxys(here):
    own = ("X-Forwarded-For: 6.6.6.7", "X-Forwarded-For: 198.51.100.1")
    again = ("X-Forwarded-For: 6.6.6.8", "X-Forwarded-For: 198.51.100.1")

    assert [register(here, *own), register(here, *again)] == [201, 429]


@pytest.mark.parametrize("name", ["X_Forwarded_For", "x_forwarded-for", "X-Forwarded_For"])
@pytest.mark.parametrize("is_first", [True, False])
def test_the_proxys_header_with_underscores_is_refused(here, name, is_first):
    headers = [f"{name}: 6.6.6.6", "X-Forwarded-For: 198.51.100.2"]

    assert register(here, *(headers if is_first else reversed(headers))) == 400


def test_other_names_with_underscores_are_nothing_to_the_application(here):
    assert register(here, "X-Forwarded-For: 198.51.100.3", "Content_Type: text/plain", "Trace_Id: 1") == 201


def test_forwarded_is_read_where_the_operator_names_it(serve):
    here = serve(**SETTINGS, CURFEW_FORWARDED_HEADER="Forwarded")

    statuses = [
        register(here, f"Forwarded: {chain}", "X-Forwarded-For: 192.0.2.250")
        for chain in (
            'for="[2001:db8:c::1]:443";proto=https',
            'for=6.6.6.6, for="[2001:db8:c::9]:1"',
            'for=6.6.6.6;x=", for="203.0.113.20:1"',
            "for=203.0.113.20",
            "for=unknown",
            "for=_hidden",
        )
    ]

    assert statuses == [201, 429, 201, 429, 201, 429]
