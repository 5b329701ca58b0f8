"""Claims of a request object become parameters, or the object is refused; nothing in between (rfc9101 §4)."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.oauth.authorization.parameters import KNOWN_PARAMETERS
from provider.protocol.request_object import MalformedRequestObject, check_claims, parameters_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER = "https://op.test"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(KNOWN_PARAMETERS | {"iss", "aud", "exp", "nbf", "iat", "sub", "request", "x"}))


def check(**claims):
    check_claims({"client_id": "red"} | claims, client_id="red", issuer=ISSUER, now=NOW)


@pytest.mark.spec("rfc9101 §4")
@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="client_id alone"),
        pytest.param({"iss": "red", "aud": ISSUER, "exp": AT + 1, "nbf": AT, "iat": AT}, id="everything"),
        pytest.param({"nbf": AT + 30, "iat": AT + 30}, id="a clock that runs ahead a little"),
        pytest.param({"aud": ["x", ISSUER]}, id="one of several audiences"),
        pytest.param({"sub": "somebody"}, id="a subject that is not the client"),
    ],
)
def test_what_holds(claims):
    check(**claims)


@pytest.mark.spec("rfc9101 §4, rfc9101 §10.8")
@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"client_id": "green"}, id="another client"),
        pytest.param({"client_id": None}, id="no client"),
        pytest.param({"client_id": ["red"]}, id="a list of clients"),
        pytest.param({"iss": "green"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer at all, but said so"),
        pytest.param({"sub": "red"}, id="a client assertion"),
        pytest.param({"aud": "https://op.test.evil.test"}, id="an audience that begins like ours"),
        pytest.param({"aud": []}, id="no audience"),
        pytest.param({"aud": {ISSUER: 1}}, id="an object for an audience"),
        pytest.param({"exp": AT}, id="expired this very second"),
        pytest.param({"exp": True}, id="true is no instant"),
        pytest.param({"nbf": AT + 31}, id="too early"),
        pytest.param({"iat": "now"}, id="a text is no instant"),
        pytest.param({"request_uri": "x"}, id="an object in an object"),
    ],
)
def test_what_does_not(claims):
    with pytest.raises(MalformedRequestObject):
        check(**claims)


def test_values_become_texts_as_the_query_would_have_them():
    claims = {
        "max_age": 600,
        "claims": {"userinfo": {}},
        "resource": ["https://a.test", "https://b.test"],
        "state": "",
        "scope": "openid",
        "unknown": object(),
    }

    assert parameters_of(claims, KNOWN_PARAMETERS) == {
        "max_age": "600",
        "claims": '{"userinfo": {}}',
        "resource": "https://a.test https://b.test",
        "scope": "openid",
    }


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_anything_becomes_texts_or_is_refused(claims):
    with suppress(MalformedRequestObject):
        check_claims({"client_id": "red"} | claims, client_id="red", issuer=ISSUER, now=NOW)
        parameters = parameters_of(claims, KNOWN_PARAMETERS)

        assert set(parameters) <= KNOWN_PARAMETERS
        assert all(isinstance(text, str) and text.encode() for text in parameters.values())
