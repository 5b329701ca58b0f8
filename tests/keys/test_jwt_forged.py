"""Tokens that others have signed or changed are refused everywhere."""

import json
import time
import tracemalloc

import pytest

from provider.keys.algorithms import ALGORITHMS, generate
from provider.keys.jwt import (
    ID_TOKEN_TYP,
    LARGEST_JWT,
    InvalidJWT,
    sign,
)
from tests.keys.test_jwt import claims_for, encode, header_of, signed_by_us, verify

# None of this depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def keys(app, signing_keys):
    return app


@pytest.mark.parametrize(
    "alg",
    ["none", "None", "NONE", "nOnE", "", None, "HS256", "RS512", "ES256K", "PS256", "RS256", "ES256", 7, []],
)
def test_an_algorithm_other_than_the_key_s_own_is_refused(keys, settings, alg):
    kid = header_of(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="EdDSA"))["kid"]
    header = {"alg": alg, "kid": kid, "typ": "JWT"}

    with pytest.raises(InvalidJWT):
        verify(signed_by_us("EdDSA", header, claims_for(settings)))


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_the_public_key_is_no_shared_secret(keys, settings, alg):
    """ABU-42: HS256 with what anybody can read in the JWKS."""
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from provider.keys.keyring import the_keyring

    kid = header_of(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg=alg))["kid"]
    held = the_keyring().find(kid)
    spki = PublicFormat.SubjectPublicKeyInfo
    for secret in (
        held.public_key.public_bytes(Encoding.PEM, spki),
        held.public_key.public_bytes(Encoding.DER, spki),
        json.dumps(held.public_jwk).encode(),
        b"",
    ):
        signing_input = f"{encode({'alg': 'HS256', 'kid': kid, 'typ': 'JWT'})}.{encode(claims_for(settings))}"
        mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
        with pytest.raises(InvalidJWT):
            verify(f"{signing_input}.{encode(mac)}")


@pytest.mark.parametrize(
    "kid",
    [
        pytest.param("../../dev/null", id="a path"),
        pytest.param("' OR 1=1 --", id="SQL"),
        pytest.param("a\0b", id="a null character"),
        pytest.param("k" * 5000, id="a long one"),
        pytest.param("A" * 43, id="one that looks like ours"),
        pytest.param(7, id="a number"),
        pytest.param(["A" * 43], id="a list"),
        pytest.param(None, id="none at all"),
    ],
)
def test_a_kid_is_only_looked_up_among_our_keys(keys, settings, kid):
    header = {"alg": "EdDSA", "kid": kid, "typ": "JWT"}

    with pytest.raises(InvalidJWT):
        verify(signed_by_us("EdDSA", header, claims_for(settings)))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "x5t", "crit", "b64", "zip", "cty", "nonce"])
def test_a_header_that_brings_anything_along_is_refused(keys, settings, member):
    kid = header_of(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="EdDSA"))["kid"]
    header = {"alg": "EdDSA", "kid": kid, "typ": "JWT", member: "https://evil.test/key"}

    with pytest.raises(InvalidJWT, match="unexpected member"):
        verify(signed_by_us("EdDSA", header, claims_for(settings)))


def test_a_foreign_key_under_our_kid_is_refused(keys, settings):
    stranger = generate("EdDSA", rsa_key_bits=2048)
    kid = header_of(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="EdDSA"))["kid"]
    signing_input = f"{encode({'alg': 'EdDSA', 'kid': kid, 'typ': 'JWT'})}.{encode(claims_for(settings))}"

    with pytest.raises(InvalidJWT, match="the signature is invalid"):
        verify(f"{signing_input}.{encode(stranger.sign(signing_input.encode()))}")


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "payload", "signature"])
def test_one_changed_character_is_refused_wherever_it_is(keys, settings, alg, part):
    parts = sign(claims_for(settings), typ=ID_TOKEN_TYP, alg=alg).split(".")

    for place in {0, len(parts[part]) // 2, len(parts[part]) - 1}:
        other = "A" if parts[part][place] != "A" else "B"
        changed = parts[part][:place] + other + parts[part][place + 1 :]
        with pytest.raises(InvalidJWT):
            verify(".".join([*parts[:part], changed, *parts[part + 1 :]]))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_signature_has_one_spelling(keys, settings, alg):
    """The unused bits of the last character may not be set."""
    token = sign(claims_for(settings), typ=ID_TOKEN_TYP, alg=alg)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sibling = alphabet[alphabet.index(token[-1]) ^ 1]

    with pytest.raises(InvalidJWT):
        verify(token[:-1] + sibling)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "a.b.c\n",
        " a.b.c",
        "ä.b.c",
        "a.b.c.d.e",
        "e30.e30.e30",
        "W10.e30.AAAA",
        "A.e30.AAAA",
    ],
)
def test_what_is_no_compact_jws_is_refused(keys, token):
    with pytest.raises(InvalidJWT):
        verify(token)


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(
            lambda: encode({"alg": "RS256", "pad": "x" * 50_000_000}) + ".e30.AAAA", id="a header of 50 MB"
        ),
        pytest.param(lambda: "e30" + ".e30" * 10_000_000, id="ten million segments"),
        pytest.param(lambda: "e30." + "A" * 50_000_000 + ".AAAA", id="a payload of 50 MB"),
    ],
)
def test_a_bomb_costs_nothing(keys, bomb):
    """FIG-32: refused by its size, before anything parses it."""
    token = bomb()
    tracemalloc.start()
    began = time.thread_time()

    with pytest.raises(InvalidJWT, match="too large"):
        verify(token)

    assert time.thread_time() - began < 0.1
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_deeply_nested_json_of_allowed_size_is_refused(keys):
    with pytest.raises(InvalidJWT):
        verify(f"{encode(b'[' * (LARGEST_JWT // 2))}.e30.AAAA")
