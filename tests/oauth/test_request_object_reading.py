"""Whatever comes as a request object is verified or refused, by the one error for it (rfc9101 §6)."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from provider.oauth.authorization.request_object import read
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.errors import InvalidRequestObject

pytestmark = [
    pytest.mark.usefixtures("app"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
KEY = ECKey.generate_key("P-256", {"kid": "a"})
METADATA = ClientMetadata(jwks={"keys": [KEY.as_dict(private=False)]})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c", "zip"]),
    st.sampled_from(["ES256", "none", "HS256", "a", "JWT", "at+jwt"]) | JSON,
    max_size=4,
)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


COMPACT = st.builds(
    lambda header, claims, signature: f"{encoded(header)}.{encoded(claims)}.{signature}",
    HEADERS | JSON,
    JSON,
    st.text("abcXYZ019-_=", max_size=90),
)


@given(st.text(max_size=60) | st.text("aA0-_.", max_size=60) | COMPACT)
def test_nothing_unsigned_is_ever_read(text):
    with pytest.raises(InvalidRequestObject):
        read(text, METADATA, client_id="red", beside={})


@given(JSON)
def test_what_a_client_registered_for_keys_may_be_useless(keys):
    metadata = ClientMetadata(jwks=keys if isinstance(keys, dict) else {"keys": keys})
    with suppress(InvalidRequestObject):
        read(f"{encoded({'alg': 'ES256'})}.{encoded({})}.eA", metadata, client_id="red", beside={})
        pytest.fail("it was read")
