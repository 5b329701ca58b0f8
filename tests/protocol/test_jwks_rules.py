"""A client's keys are public and strong; of what is published what is usable is used (rfc7517, URL-58)."""

from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.jwks_rules import certificate_thumbprints, problems_of_jwks, usable_keys
from tests.support.public_keys import X, Y


def number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")
    return urlsafe_b64encode(raw).decode().rstrip("=")


RSA = {"kty": "RSA", "kid": "a", "n": number(2**2047 + 1), "e": "AQAB"}
EC = {"kty": "EC", "kid": "b", "crv": "P-256", "x": X, "y": Y}
OKP = {"kty": "OKP", "kid": "c", "crv": "Ed25519", "x": "AQ" * 21 + "A"}


@pytest.mark.parametrize("key", [RSA, EC, OKP, RSA | {"x5c": [b64encode(b"der").decode()]}])
def test_a_public_key_is_good(key):
    assert list(problems_of_jwks({"keys": [key]})) == []
    assert usable_keys({"keys": [key]}) == [key]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        pytest.param(RSA | {"d": "x"}, "private", id="a private key"),
        pytest.param({"kty": "oct", "k": "eA"}, "private", id="a symmetric key"),
        pytest.param({"kty": ["RSA"]}, "kty", id="a list of kinds"),
        pytest.param({"kty": "DSA"}, "kty", id="another kind"),
        pytest.param(RSA | {"n": number(2**2046 + 1)}, "2048 bits", id="2047 bits"),
        pytest.param(RSA | {"n": "AA" + number(2**2040 + 1)}, "2048 bits", id="zeros before a short one"),
        pytest.param(RSA | {"n": number(2**8193)}, "at most 8192", id="a huge one costs time"),
        pytest.param(RSA | {"e": number(1)}, "exponent", id="1: every message is its own signature"),
        pytest.param(RSA | {"e": number(65536)}, "exponent", id="an even exponent"),
        pytest.param(RSA | {"e": number(2**40 + 1)}, "exponent", id="a large exponent costs time"),
        pytest.param(RSA | {"n": None}, "member n", id="no modulus"),
        pytest.param(RSA | {"n": "+/=="}, "member n", id="base64 that is none of URLs"),
        pytest.param(RSA | {"n": "A"}, "member n", id="half a byte"),
        pytest.param(EC | {"crv": ["P-256"]}, "crv", id="a list of curves"),
        pytest.param(EC | {"crv": "secp256k1"}, "crv", id="another curve"),
        pytest.param(EC | {"x": Y, "y": X}, "point", id="beside the curve"),
        pytest.param(EC | {"x": "AA", "y": "AA"}, "point", id="the origin"),
        pytest.param(EC | {"x": "_" * 43}, "point", id="a coordinate beyond the field"),
        pytest.param(EC | {"crv": "P-384"}, "point", id="a point of another curve"),
        pytest.param(EC | {"x": "a" * 9000}, "point", id="an endless coordinate"),
        pytest.param(OKP | {"x": "eA"}, "point", id="a short one"),
        pytest.param(OKP | {"crv": "X25519", "x": "A" * 43}, "point", id="X25519 of order one"),
        pytest.param(OKP | {"crv": "X25519", "x": "AQ" + "A" * 41}, "point", id="X25519 of small order"),
        pytest.param(OKP | {"crv": "X448", "x": "A" * 75}, "point", id="X448 of small order"),
        pytest.param(EC | {"x5c": "x"}, "x5c", id="a text for certificates"),
        pytest.param(EC | {"x5c": ["***"]}, "x5c", id="certificates that are not base64"),
        pytest.param(EC | {"x5c": ["eA=="] * 11}, "x5c", id="too many certificates"),
    ],
)
def test_a_key_that_is_not_good_is_said_to_be_so_and_not_used(key, sentence):
    problems = " ".join(problems_of_jwks({"keys": [key]}))

    assert sentence in problems
    assert usable_keys({"keys": [key, EC]}) == [EC]


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": None}, {"keys": [EC] * 21}])
def test_what_is_no_set_is_none(document):
    with pytest.raises(ValueError, match="JWK Set"):
        usable_keys(document)


def test_the_first_certificate_of_a_key_is_its_own():
    leaf, authority = b64encode(b"leaf").decode(), b64encode(b"authority").decode()

    assert len(certificate_thumbprints([EC, EC | {"x5c": []}, EC | {"x5c": [leaf, authority]}])) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
keys = st.dictionaries(st.sampled_from(["kty", "n", "e", "crv", "x", "y", "d", "kid", "x5c"]), anything)


@given(st.lists(keys | st.sampled_from([RSA, EC]) | anything, max_size=4))
def test_no_set_breaks_the_rules(found):
    assert all(isinstance(sentence, str) for sentence in problems_of_jwks({"keys": found}))
    assert all(certificate_thumbprints([key]) is not None for key in usable_keys({"keys": found}))


@pytest.mark.spec("DLV-01")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"kid": "a\0"}, id="NUL"),
        pytest.param({"note": "\ud800"}, id="an unpaired surrogate"),
        pytest.param({"note\0": "x"}, id="NUL in a name"),
        pytest.param({"notes": [{"x": ["\udfff"]}]}, id="further inside"),
    ],
)
def test_a_text_that_no_database_can_read_again_is_no_part_of_a_set(changes):
    """PostgreSQL would fail whenever it took anything out of the client's row, such as where to deliver."""
    key = OKP

    assert list(problems_of_jwks({"keys": [key | {"note": "\U0001f511 \\u0000"}]})) == []
    assert "NUL" in " ".join(problems_of_jwks({"keys": [key | changes]}))
    assert "NUL" in " ".join(problems_of_jwks({"keys": [key], **changes}))
