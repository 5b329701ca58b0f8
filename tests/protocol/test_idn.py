"""Hosts of other letters than ASCII are kept as browsers send them and shown in both forms (rfc5890)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.client_metadata import InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.idn import both_forms, uri_in_both_forms, with_ascii_host
from provider.protocol.uri import MalformedURI

BOOKS = "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("uri", "ascii_uri"),
    [
        ("https://bücher.example/cb", f"https://{BOOKS}/cb"),
        ("https://BÜCHER.example:8443/cb?x=1", f"https://{BOOKS}:8443/cb?x=1"),
        ("https://bu\u0308cher.example", f"https://{BOOKS}"),
        ("https://пример.рф/", "https://xn--e1afmkfd.xn--p1ai/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        (f"https://{BOOKS}/cb", f"https://{BOOKS}/cb"),
        ("https://red.test/ü", "https://red.test/ü"),
        ("com.example.app:/cb", "com.example.app:/cb"),
        ("https://ü@red.test/", "https://ü@red.test/"),
    ],
)
def test_a_host_is_written_as_browsers_do(uri, ascii_uri):
    assert with_ascii_host(uri) == ascii_uri


@pytest.mark.parametrize(
    "uri",
    [
        *("https://bü cher.example/", "https://☕.example/", "https://ü..example/", "https://ü_b.example/"),
        *("https://\u202eü.example/", "https://ü\u200b.example\u2024test/", f"https://{'ü' * 64}.example/"),
        *(f"https://{'ü.' * 5000}example/", "https://-ü.example/", "https://ü\udcff.example/"),
        *("https://r\xadp.test/", "https://ü\ufeff.example/", "https://ü\u2060.example/"),
        *("https://bücher。example/", "https://\uff52p.test/", "https://\u0440p.test/"),
    ],
)
def test_what_is_no_name_is_refused(uri):
    with pytest.raises(MalformedURI):
        with_ascii_host(uri)


@given(st.text(max_size=30))
def test_any_host_becomes_ascii_or_is_refused(host):
    try:
        written = with_ascii_host(f"https://{host}/")
    except MalformedURI:
        return
    try:
        metadata = read_registration({"redirect_uris": [written]})
    except InvalidClientMetadata:
        return
    assert metadata.redirect_uris[0].isascii()


@pytest.mark.parametrize(
    ("authority", "shown"),
    [
        (BOOKS, f"bücher.example ({BOOKS})"),
        (f"{BOOKS}:8443", f"bücher.example:8443 ({BOOKS}:8443)"),
        # Drawn like apple.com, so the form that tells them apart stands beside it.
        ("xn--pple-43d.com", "аpple.com (xn--pple-43d.com)"),
        ("red.test", "red.test"),
        ("[::1]:80", "[::1]:80"),
        ("xn--zzzz.example", "xn--zzzz.example"),
        ("xn--a.example", "xn--a.example"),
        ("", ""),
    ],
)
def test_people_see_the_letters_and_what_they_stand_for(authority, shown):
    assert both_forms(authority) == shown


def test_letters_from_right_to_left_do_not_reorder_their_surroundings():
    shown = both_forms("xn--4dbrk0ce.example")

    assert shown.startswith("\u2068")
    assert shown.endswith("\u2069 (xn--4dbrk0ce.example)")


def test_an_address_stays_as_it_is_and_its_letters_follow():
    assert uri_in_both_forms(f"https://{BOOKS}/cb") == f"https://{BOOKS}/cb (bücher.example)"
    assert uri_in_both_forms("https://red.test/cb") == "https://red.test/cb"


def test_every_address_of_a_client_is_kept_so():
    uri = "https://bücher.example/x"
    single = ("client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri", "initiate_login_uri")
    logout = ("backchannel_logout_uri", "frontchannel_logout_uri", "client_uri#de", "sector_identifier_uri")
    several = ("redirect_uris", "post_logout_redirect_uris", "request_uris")
    asked = dict.fromkeys((*single, *logout), uri) | {name: [uri] for name in several}

    wire = read_registration(asked).to_wire()

    assert {str(wire[name]) for name in (*single, *logout)} == {f"https://{BOOKS}/x"}
    assert all(wire[name] == [f"https://{BOOKS}/x"] for name in several)


@pytest.mark.parametrize("name", ["redirect_uris", "client_uri", "client_uri#de"])
def test_a_host_that_is_no_name_is_a_problem_of_its_field(name):
    uri = "https://☕.example/"
    asked = {"redirect_uris": ["https://red.test/cb"], name: [uri] if name == "redirect_uris" else uri}

    with pytest.raises(InvalidClientMetadata) as refused:
        read_registration(asked)

    assert refused.value.field == name
