"""A proxy's statement about the requester counts only as far as proxies are trusted (SEC-403)."""

import json
from dataclasses import replace

import pytest

from provider.app import create_app
from provider.web.addresses import client_address, client_networks
from tests.support.applications import application

PROXY = "10.0.0.1"


def address_of(settings, forwarded: str, header: str = "X-Forwarded-For", **changes) -> str | None:
    app = application(replace(settings, **changes))
    with app.test_request_context(headers={header: forwarded}, environ_base={"REMOTE_ADDR": PROXY}):
        return client_address()


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        pytest.param(0, "192.0.2.9", PROXY, id="no proxy is trusted"),
        pytest.param(1, "", PROXY, id="it did not come through the proxy"),
        pytest.param(1, "192.0.2.9", "192.0.2.9", id="one proxy"),
        pytest.param(1, "6.6.6.6, 192.0.2.9", "192.0.2.9", id="what stands before it was made up"),
        pytest.param(2, "6.6.6.6, 192.0.2.9, 10.0.0.1", "192.0.2.9", id="two proxies"),
        pytest.param(2, "192.0.2.9", None, id="fewer entries than proxies"),
        pytest.param(1, "nonsense", None, id="nonsense"),
        pytest.param(1, "192.0.2.9,", None, id="an empty entry"),
        pytest.param(1, "::ffff:192.0.2.9", "192.0.2.9", id="an IPv4 address in disguise"),
        pytest.param(1, "203.0.113.8:51234", "203.0.113.8", id="IPv4 with a port"),
        pytest.param(1, "[2001:db8::1]:443", "2001:db8::1", id="IPv6 with a port"),
        pytest.param(1, "[2001:DB8:0::1]", "2001:db8::1", id="IPv6 in brackets"),
        pytest.param(1, "2001:db8::1", "2001:db8::1", id="bare IPv6"),
        pytest.param(1, "[::ffff:192.0.2.9]:1", "192.0.2.9", id="IPv4 in disguise with a port"),
        pytest.param(1, "fe80::1%eth0", "fe80::1", id="a zone"),
        pytest.param(1, "[fe80::1%25eth0]:8443", "fe80::1", id="a zone with a port"),
        pytest.param(1, "unknown", None, id="unknown"),
        pytest.param(1, "_gazonk", None, id="obfuscated"),
        pytest.param(1, "192.0.2.9:port", None, id="a port that is none"),
        pytest.param(1, "192.0.2.9:1:2", None, id="two ports"),
        pytest.param(1, "192.0.2.09", None, id="IPv4 with a leading zero"),
        pytest.param(1, "[192.0.2.9", None, id="half a bracket"),
        pytest.param(1, "1" * 4000, None, id="far too long"),
    ],
)
def test_the_address_is_the_one_that_the_outermost_trusted_proxy_saw(settings, hops, forwarded, address):
    assert address_of(settings, forwarded, trusted_proxies=hops) == address


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        pytest.param(1, "for=192.0.2.43", "192.0.2.43", id="one proxy"),
        pytest.param(1, 'For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17", id="quoted IPv6 with a port"),
        pytest.param(1, "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60", id="more parameters"),
        pytest.param(1, "for=6.6.6.6, for=198.51.100.17", "198.51.100.17", id="made up before it"),
        pytest.param(2, 'for=192.0.2.43, for="[2001:db8::1]"', "192.0.2.43", id="two proxies"),
        pytest.param(2, "for=192.0.2.43", None, id="fewer elements than proxies"),
        pytest.param(1, 'for=6.6.6.6;x=", for=192.0.2.43', "192.0.2.43", id="an open quote before it"),
        pytest.param(1, 'for="x, for="[2001:db8::1]"', "2001:db8::1", id="an open quote before a quoted one"),
        pytest.param(1, 'for=192.0.2.43;host="a, for=6.6.6.6"', "192.0.2.43", id="a quoted comma"),
        pytest.param(
            1, 'for=192.0.2.43;host="a\\", for=\\"6.6.6.6"', "192.0.2.43", id="quotes in a quoted string"
        ),
        pytest.param(1, "for=192.0.2.43:80", "192.0.2.43", id="a port that should have been quoted"),
        pytest.param(1, "for=unknown", None, id="unknown"),
        pytest.param(1, 'for="_gazonk"', None, id="obfuscated"),
        pytest.param(1, 'for="192.0.2.43:_port"', "192.0.2.43", id="an obfuscated port"),
        pytest.param(1, "proto=https", None, id="without an address"),
        pytest.param(1, "for=1.1.1.1;for=2.2.2.2", None, id="two addresses"),
        pytest.param(1, "192.0.2.43", None, id="the other header's form"),
        pytest.param(1, "for=6.6.6.6, =, ;", None, id="no element at the end"),
        pytest.param(1, ',"' * 2000, None, id="many beginnings"),
    ],
)
def test_forwarded_is_read_when_the_operator_names_it(settings, hops, forwarded, address):
    changes = {"trusted_proxies": hops, "forwarded_header": "Forwarded"}

    assert address_of(settings, forwarded, "Forwarded", **changes) == address


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_the_other_header_means_nothing(settings, header):
    other = {"X-Forwarded-For": "Forwarded", "Forwarded": "X-Forwarded-For"}[header]
    said = {"X-Forwarded-For": "192.0.2.9", "Forwarded": "for=192.0.2.9"}[other]

    assert address_of(settings, said, other, trusted_proxies=1, forwarded_header=header) == PROXY


def test_what_cannot_be_read_is_logged_once(settings, capsys):
    app = create_app(replace(settings, trusted_proxies=1))
    with app.test_request_context(
        headers={"X-Forwarded-For": "x" * 900}, environ_base={"REMOTE_ADDR": PROXY}
    ):
        assert (client_address(), client_address(), client_networks()) == (None, None, ("unknown",))

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    logged = [line for line in lines if line["event"] == "forwarded_address_unreadable"]
    assert [(line["header"], line["entry"]) for line in logged] == [("X-Forwarded-For", "x" * 64)]


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("192.0.2.9", ["192.0.2.9"]),
        ("2001:db8:1:2:3::4", ["2001:db8:1:2::/64", "2001:db8:1::/48"]),
        ("", ["unknown"]),
    ],
)
def test_limits_count_one_household_as_one(app, address, networks):
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert client_networks() == tuple(networks)
