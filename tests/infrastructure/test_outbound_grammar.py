"""Registration and the outbound client read URLs by one grammar: all that registers can be called."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provider.infrastructure.outbound.target import Target
from provider.infrastructure.outbound_http import RefusedTarget
from provider.protocol.client_metadata import InvalidClientMetadata
from provider.protocol.client_registration import read_registration

SMALLEST = {"redirect_uris": ["https://red.test/cb"]}
CALLED = ("logo_uri", "jwks_uri", "sector_identifier_uri", "backchannel_logout_uri", "request_uris")
PIECES = st.sampled_from(
    [
        *(
            "my_host",
            "red.test",
            "127.0.0.1",
            "127.1",
            "[::1]",
            "[::g]",
            "localhost",
            "-",
            "_",
            ".",
            "..",
            ":8443",
        ),
        *("/", "//", "/cb", "/..;", "?", "?x=1", "#", "@", "\\", "%", " ", "é", "\n", "*", ":0", ":65536"),
        *(
            "%20",
            "%25",
            "%2e",
            "%2F",
            "%5c",
            "%41",
            "%7E",
            "%c3%a9",
            "%C3%A9",
            "%c0%af",
            "%0d",
            "%00",
            "a" * 2000,
        ),
    ]
)
URLS = st.lists(PIECES | st.text(max_size=3), max_size=6).map(lambda pieces: "https://" + "".join(pieces))


def registers(member: str, url: str) -> bool:
    """Register a URL; a host in other letters would be written in ASCII before, which is another URL."""
    value = [url] if member == "request_uris" else url
    try:
        return member in read_registration(SMALLEST | {member: value}).to_wire()
    except InvalidClientMetadata:
        return False


def is_callable(url: str) -> bool:
    try:
        Target.parse(url)
    except RefusedTarget:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        pytest.param("https://my_host/logo.png", True, id="an underscore in the host, as containers have"),
        pytest.param("https://_red.my_host.test:8443/", True, id="underscores in several labels"),
        pytest.param("https://red.test/%C3%A9t%c3%a9", True, id="escapes in either case"),
        pytest.param("https://red.test?x=1", True, id="a query without a path"),
        pytest.param("https://red.test/cb?", True, id="an empty query"),
        pytest.param("https://red.test/cb?name=red%20logo", True, id="an escaped space in the query"),
        pytest.param("https://red.test/a//b", True, id="an empty segment inside the path"),
        pytest.param("https://red.test/logo%20red.png", False, id="an escaped space in the path"),
        pytest.param("https://red.test/a%2Fb", False, id="an escaped slash"),
        pytest.param("https://red.test/%41", False, id="an escaped letter"),
        pytest.param("https://red.test/cb?x=%7E", False, id="an escaped tilde"),
        pytest.param("https://red.test//cb", False, id="a path that starts with two slashes"),
        pytest.param("https://red.test/%c0%af", False, id="overlong UTF-8"),
        pytest.param("https://red.test/cb?x=%ff", False, id="no UTF-8 in the query"),
        pytest.param("https://red.test/x/../cb", False, id="a dot segment"),
        pytest.param("https://red-.test/", False, id="a label that ends with a hyphen"),
        pytest.param("https://127.1/", False, id="a number that is no address"),
    ],
)
@pytest.mark.parametrize("member", CALLED)
def test_a_url_registers_if_and_only_if_it_can_be_called(member, url, accepted):
    assert registers(member, url) is accepted
    assert is_callable(url) is accepted


@pytest.mark.parametrize("member", CALLED)
@given(url=URLS)
@example(url="https://my_host")
@example(url="https://red.test/logo%20red.png")
def test_no_url_is_read_in_two_ways(member, url):
    if url.isascii() and not (member == "request_uris" and "#" in url):
        assert registers(member, url) is is_callable(url)


def test_what_is_registered_already_may_stay_though_it_cannot_be_called():
    old = "https://red.test/logo%20red.png"
    known = read_registration(SMALLEST)
    before = type(known).from_stored(known.to_wire() | {"logo_uri": old, "logo_uri#de": old})

    kept = read_registration(before.to_wire() | {"client_name": "Red"}, registered=before)

    assert kept.logo_uri == old
    with pytest.raises(InvalidClientMetadata, match="escaped space"):
        read_registration(before.to_wire() | {"jwks_uri": old}, registered=before)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://red.test", "/"),
        ("https://red.test?x=1", "/?x=1"),
        ("https://red.test/cb?", "/cb?"),
        ("https://red.test/%c3%a9/;v=1?x=%20", "/%c3%a9/;v=1?x=%20"),
    ],
)
def test_what_is_sent_is_what_was_registered(url, line):
    assert Target.parse(url).request_target == line
