"""The URIs that may name a resource server (rfc8707 §2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.resource_indicator import MalformedIdentifier, check_identifier, narrowed


@pytest.mark.spec("rfc8707 1")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://api.test", id="an origin"),
        pytest.param("https://api.test/v1/orders?tenant=7", id="with a path and a query"),
        pytest.param("HTTPS://API.test:8443/%C3%A9", id="with a port and an escape"),
        pytest.param("urn:example:files", id="a URN"),
        pytest.param("com.example.api:/x", id="a scheme of one's own"),
    ],
)
def test_an_absolute_uri_may(text):
    check_identifier(text)


@pytest.mark.spec("rfc8707 1")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("/orders", id="a path alone"),
        pytest.param("//api.test/", id="without a scheme"),
        pytest.param("api.test", id="a host alone"),
        pytest.param("https://api.test/#", id="an empty fragment"),
        pytest.param("https://api.test/#orders", id="a fragment"),
        pytest.param("https://api.test/ x", id="a space"),
        pytest.param("https://api.test/\n", id="a line break"),
        pytest.param("https://äpi.test/", id="letters that no URI has"),
        pytest.param("https://api.test/<script>", id="signs that no URI has"),
        pytest.param("1https://api.test/", id="a scheme that begins with a digit"),
        pytest.param("https:", id="a scheme alone"),
        pytest.param("https://api.test/" + "x" * 2000, id="a long one"),
    ],
)
def test_nothing_else_may(text):
    with pytest.raises(MalformedIdentifier):
        check_identifier(text)


@given(st.text(max_size=60))
def test_whatever_is_taken_is_one_word_of_a_query_and_has_no_fragment(text):
    try:
        check_identifier(text)
    except MalformedIdentifier:
        return

    assert text.isascii()
    assert text.split() == [text]
    assert "#" not in text


@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_a_narrower_scope_is_never_a_wider_one(scopes, offered):
    kept = narrowed(scopes, offered)

    assert set(kept) <= set(scopes)
    assert not offered or set(kept) <= offered
