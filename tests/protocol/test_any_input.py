"""Whatever the input, no parser of the protocol does more than refuse it (property tests)."""

import json
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.end_session_request import LONGEST_STATE, PARAMETERS, WHO, EndSessionRequest
from provider.protocol.errors import InvalidRequest
from provider.protocol.parameters import (
    clear_ones,
    read_parameters,
    usable_ones,
    with_fragment,
    with_query,
)
from provider.protocol.redirect_uri import LONGEST_SHOWN, matches, shown
from provider.protocol.scopes import names_for
from provider.protocol.subject_identifier import read_subject_identifier
from provider.protocol.uri import MalformedURI, check_private_use_uri, parse_web_uri
from provider.protocol.user_code import read as read_user_code

NAMES = st.sampled_from(["client_id", "state", "scope", "resource", "id_token_hint", "ä", "", "\0"])
PAIRS = st.lists(st.tuples(NAMES | st.text(max_size=5), st.text(max_size=40)), max_size=8)
# Texts that are nearly URIs find more than texts of chance.
PIECES = st.sampled_from(
    [
        *("https", "http", "://", ":", "/", "//", "?", "#", "@", "%", "%2e", "..", "[", "::1", "]", "\\"),
        *("127.0.0.1", "localhost", "red.test", "com.example.app", "xn--", "٣", ":65536", ":0"),
        *("\0", "\n", " ", "*"),
    ]
)
URIS = st.lists(PIECES | st.text(max_size=4), max_size=9).map("".join)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
LIMIT = 60


@given(PAIRS, PAIRS)
def test_parameters_are_read_as_they_came_or_refused(query, form):
    pairs = [*query, *form]
    with suppress(InvalidRequest):
        read = read_parameters(query, form, LIMIT)

        assert all(read.values())
        assert {name: value for name, value in pairs if value and name != "resource"} == {
            name: value for name, value in read.items() if name != "resource"
        }
        assert all(str(value) not in repr(read) for value in read.values() if len(value) > 12)


@given(PAIRS)
def test_what_is_clear_in_a_refused_request_was_said_once(pairs):
    clear = clear_ones(pairs, {"state", "client_id"}, LIMIT)

    assert set(clear) <= {"state", "client_id"}
    assert all(pairs.count((name, value)) == 1 for name, value in clear.items())


@given(URIS)
def test_a_uri_is_taken_apart_in_one_way_or_refused(text):
    with suppress(MalformedURI):
        uri = parse_web_uri(text)

        other = urlsplit(text)
        assert (uri.scheme, uri.host.strip("[]")) == (other.scheme, other.hostname)
        assert uri.port == (other.port or {"http": 80, "https": 443}[uri.scheme])
        assert other.username is None
        assert not other.fragment


@given(URIS)
def test_a_private_use_uri_is_no_address_of_the_web(text):
    with suppress(MalformedURI):
        check_private_use_uri(text)

        assert "." in urlsplit(text).scheme


@pytest.mark.spec("rfc9700 1, rfc8252 1")
@given(URIS, URIS, st.booleans())
def test_another_uri_never_matches_but_for_the_port_of_a_loopback(registered, asked, native):
    if matches([registered], asked, native=native) and asked != registered:
        assert native
        assert urlsplit(asked).hostname in {"127.0.0.1", "::1"}
        assert urlsplit(asked)._replace(netloc="") == urlsplit(registered)._replace(netloc="")


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4))
def test_parameters_of_a_response_arrive_as_they_were_sent(said):
    for uri in ("https://red.test/callback", "https://red.test/callback?a=b", "com.example.app:/callback"):
        query = urlsplit(with_query(uri, said)).query
        fragment = urlsplit(with_fragment(uri, said)).fragment

        assert dict(parse_qsl(query, keep_blank_values=True)) == dict(parse_qsl(urlsplit(uri).query)) | said
        assert dict(parse_qsl(fragment, keep_blank_values=True)) == said


@given(st.lists(st.tuples(NAMES | st.just("post_logout_redirect_uri"), st.text(max_size=80)), max_size=8))
def test_a_logout_request_is_what_was_sent_once_or_says_why_not(sent):
    read = EndSessionRequest.of(usable_ones(sent, PARAMETERS, LIMIT, same_twice=WHO))

    for name in PARAMETERS:
        values = [value for sent_name, value in sent if sent_name == name]
        said = getattr(read, name)
        assert said is None or (name not in read.flaws and set(values) == {said})
        assert said is not None or name in read.flaws or not "".join(values)
    assert len(read.state or "") <= LONGEST_STATE


@given(URIS)
def test_a_refused_address_is_shown_in_one_short_line_without_its_secrets(uri):
    said = shown(uri)

    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= LONGEST_SHOWN + 4
    assert shown(f"https://ada:secret@red.test/out?{uri}") == "https://...@red.test/out?..."


@given(ANYTHING)
def test_a_subject_identifier_is_one_or_is_refused(value):
    with suppress(InvalidRequest):
        read_subject_identifier(value)
    with suppress(InvalidRequest):
        read_subject_identifier(json.loads(json.dumps({"format": "iss_sub", "iss": value, "sub": value})))


@given(st.text(max_size=30))
def test_a_user_code_is_of_our_letters_or_none(typed):
    code = read_user_code(typed)

    assert code is None or (code.isascii() and code.isalpha())


@given(st.lists(st.text(max_size=12)))
def test_unknown_scopes_open_nothing(scopes):
    assert names_for([scope for scope in scopes if scope not in {"openid", "profile", "email"}]) <= names_for(
        ["address", "phone"]
    )
