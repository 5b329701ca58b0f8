"""Tokens that are signed here verify elsewhere and here, each kind as itself alone."""

import base64
import json
from datetime import timedelta

import pytest
from joserfc import jwt as other_implementation
from joserfc.jwk import KeySet

from provider.infrastructure import clock
from provider.keys import queries
from provider.keys.algorithms import ALGORITHMS, from_der, generate, public_jwk_of, to_der
from provider.keys.jwks import published_jwks
from provider.keys.jwt import (
    ACCESS_TOKEN_TYP,
    ID_TOKEN_TYP,
    LOGOUT_TOKEN_TYP,
    InvalidJWT,
    UnverifiedJWT,
    sign,
    verify_own,
)
from provider.keys.keyring import NoSigningKey

# None of this depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TYPES = (ID_TOKEN_TYP, ACCESS_TOKEN_TYP, LOGOUT_TOKEN_TYP)


@pytest.fixture
def keys(app, signing_keys):
    return app


def claims_for(settings, **changed):
    now = int(clock.now().timestamp())
    usual = {"iss": settings.issuer, "aud": "red", "sub": "ada", "iat": now, "exp": now + 600}
    return {name: value for name, value in (usual | changed).items() if value is not ...}


def verify(token, *, typ=ID_TOKEN_TYP, audience="red", require=("sub", "exp", "iat"), **options):
    return verify_own(
        UnverifiedJWT(token), typ=frozenset({typ}), audience=audience, require=require, **options
    )


def encode(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def header_of(token):
    segment = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def signed_by_us(alg, header, payload):
    """A token with any header and payload, signed with our very own active key."""
    from provider.keys.keyring import the_keyring

    _, key = the_keyring().private_key(alg)
    signing_input = f"{encode(header)}.{encode(payload)}"
    assert alg == "EdDSA"
    return f"{signing_input}.{encode(key.sign(signing_input.encode()))}"


@pytest.mark.filterwarnings(
    "ignore:EdDSA is deprecated"
)  # rfc9864 renames it; rfc8037 and all clients know it.
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_other_implementation_verifies_what_we_sign(keys, settings, alg):
    token = sign(claims_for(settings), typ=ID_TOKEN_TYP, alg=alg)

    key_set = KeySet.import_key_set(published_jwks())
    decoded = other_implementation.decode(token, key_set, algorithms=[alg])

    assert decoded.claims == claims_for(settings, iat=decoded.claims["iat"], exp=decoded.claims["exp"])


@pytest.mark.spec("core 14")
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_header_holds_alg_kid_and_typ_alone(keys, settings, alg):
    header = header_of(sign(claims_for(settings), typ=LOGOUT_TOKEN_TYP, alg=alg))

    assert header.keys() == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == (alg, "logout+jwt")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_we_sign_verifies_here(keys, settings, alg):
    claims = claims_for(settings)

    assert verify(sign(claims, typ=ID_TOKEN_TYP, alg=alg)) == claims


@pytest.mark.spec("backchannel OP 11, rfc9068 2")
@pytest.mark.parametrize("wanted", TYPES)
@pytest.mark.parametrize("given", TYPES)
def test_no_kind_of_token_passes_for_another(keys, settings, given, wanted):
    token = sign(claims_for(settings), typ=given, alg="ES256")

    if given == wanted:
        assert verify(token, typ=wanted)["sub"] == "ada"
    else:
        with pytest.raises(InvalidJWT, match="another type"):
            verify(token, typ=wanted)


def test_an_algorithm_without_a_key_cannot_be_signed_with(keys, settings):
    with pytest.raises(NoSigningKey):
        sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="HS256")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"iss": "https://evil.test"}, "different issuer", id="another issuer"),
        pytest.param({"iss": ...}, "different issuer", id="no issuer"),
        pytest.param({"aud": "green"}, "different audience", id="another audience"),
        pytest.param({"aud": ["red"]}, "single string", id="an audience in a list"),
        pytest.param({"aud": ["evil", "red"]}, "single string", id="one audience among others"),
        pytest.param({"aud": ...}, "single string", id="no audience"),
        pytest.param({"sub": ...}, "lacks sub", id="a required claim is missing"),
        pytest.param({"exp": ...}, "lacks exp", id="no expiry"),
        pytest.param({"exp": "1e9"}, "not an instant", id="an expiry in a string"),
        pytest.param({"exp": True}, "not an instant", id="an expiry that is true"),
        pytest.param({"exp": -1}, "not an instant", id="an expiry before time"),
        pytest.param({"exp": float("inf")}, "a number is not finite", id="an expiry of infinity"),
        pytest.param({"exp": float("nan")}, "a number is not finite", id="an expiry that is no number"),
        pytest.param({"exp": 10**400, "iat": 0}, "too long a lifetime", id="an expiry past all dates"),
    ],
)
def test_claims_that_are_not_right_are_refused(keys, settings, changed, reason):
    kid = header_of(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="EdDSA"))["kid"]
    token = signed_by_us("EdDSA", {"alg": "EdDSA", "kid": kid, "typ": "JWT"}, claims_for(settings, **changed))

    with pytest.raises(InvalidJWT, match=reason):
        verify(token)


@pytest.mark.parametrize(
    ("exp", "iat", "nbf", "accepted"),
    [
        pytest.param(1, 0, 0, True, id="expires in a second"),
        pytest.param(0, -600, 0, False, id="expires this second"),
        pytest.param(-1, -600, 0, False, id="expired a second ago"),
        pytest.param(600, 30, 0, True, id="issued by a clock that is half a minute ahead"),
        pytest.param(600, 31, 0, False, id="issued in the future"),
        pytest.param(600, 0, 31, False, id="not valid yet"),
        pytest.param(10 * 365 * 86400, 0, 0, False, id="lives for ten years"),
    ],
)
def test_the_times_of_a_token(keys, settings, turned_clock, exp, iat, nbf, accepted):
    now = int(clock.now().timestamp())
    claims = claims_for(settings, exp=now + exp, iat=now + iat, nbf=now + nbf)
    token = sign(claims, typ=ID_TOKEN_TYP, alg="ES256")

    if accepted:
        assert verify(token) == claims
    else:
        with pytest.raises(InvalidJWT):
            verify(token)


def test_an_expired_token_may_still_be_read_where_that_is_asked_for(keys, settings, turned_clock):
    token = sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="RS256")
    turned_clock.turn(timedelta(hours=5))

    assert verify(token, allow_expired=True)["sub"] == "ada"


def test_any_single_audience_may_be_accepted(keys, settings):
    assert verify(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="ES256"), audience=None)["aud"] == "red"
    with pytest.raises(InvalidJWT):
        verify(sign(claims_for(settings, aud=["red"]), typ=ID_TOKEN_TYP, alg="ES256"), audience=None)


def test_claims_that_json_cannot_say_are_not_signed(keys, settings):
    with pytest.raises(ValueError, match="JSON"):
        sign(claims_for(settings, exp=float("nan")), typ=ID_TOKEN_TYP, alg="ES256")


def test_signing_and_verifying_cost_no_statement(keys, settings, statements):
    verify(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="ES256"))

    with statements() as seen:
        for alg in ("ES256", "ES256", "RS256"):
            verify(sign(claims_for(settings), typ=ID_TOKEN_TYP, alg=alg))

    assert seen == []


def test_a_caller_that_invents_kids_causes_no_storm_of_statements(keys, settings, statements, turned_clock):
    sign(claims_for(settings), typ=ID_TOKEN_TYP, alg="EdDSA")
    turned_clock.turn(timedelta(seconds=10))
    with statements() as seen:
        for number in range(50):
            kid = f"{number:043d}"
            with pytest.raises(InvalidJWT):
                verify(f"{encode({'alg': 'EdDSA', 'kid': kid, 'typ': 'JWT'})}.e30.AAAA")

    assert len(seen) == 1


def test_a_private_key_survives_its_bytes(keys):
    for alg in ALGORITHMS:
        key = generate(alg, rsa_key_bits=2048)
        assert public_jwk_of(from_der(to_der(key)), alg) == public_jwk_of(key, alg)


def test_a_kid_is_the_thumbprint_of_its_key(keys):
    """KEY-09, computed by the other implementation."""
    for jwk in published_jwks()["keys"]:
        assert KeySet.import_key_set({"keys": [jwk]}).keys[0].thumbprint() == jwk["kid"]
        assert queries.get_key(jwk["kid"]).alg == jwk["alg"]
