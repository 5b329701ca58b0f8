"""Verification of Logout Tokens: every step of backchannel §2.6, broken one at a time."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from curfew_rp import LogoutReceiver, ProviderKeys, SessionIndex, errors
from curfew_rp.logout_token import LOGOUT_EVENT
from curfew_rp.session_index import SignIn
from curfew_rp.stores import MemoryStore
from tests.kit.conftest import FORM, form
from tests.kit.other_provider import ALGORITHMS, CLIENT_ID, private_key

NOW = time.time


def claims(**changes):
    """A token in order but for some claims; `...` leaves one out."""
    return lambda provider: provider.logout_token(**changes)


def later(**seconds):
    """A token whose instants are that far from now."""
    return lambda provider: provider.logout_token(**{name: NOW() + value for name, value in seconds.items()})


def header(**changes):
    return lambda provider: provider.sign(provider.claims(), **changes)


def signed_text(payload):
    """A token with a payload that is written by hand; the claims in order are put in for %s."""

    def mint(provider):
        said = payload.replace("%s", json.dumps(provider.claims())[1:])
        headers = {"typ": "logout+jwt", "kid": "RS256"}
        return jwt.PyJWS().encode(said.encode(), private_key("RS256"), algorithm="RS256", headers=headers)

    return mint


def hs256_with_the_public_key(provider):
    """By hand, because PyJWT refuses a public key as a secret (rfc8725 §2.1)."""
    secret = private_key("RS256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "kid": "RS256", "typ": "logout+jwt"}
    signed = ".".join(encode(json.dumps(part).encode()) for part in (head, provider.claims()))
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def two_algorithms(provider):
    head = b'{"alg": "none", "alg": "RS256", "kid": "RS256"}'
    return f"{encode(head)}.{provider.logout_token().partition('.')[2]}"


def changed_payload(provider):
    head, _, signature = provider.logout_token().split(".")
    return f"{head}.{encode(json.dumps(provider.claims(sub='ben')).encode())}.{signature}"


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


REFUSED = [
    pytest.param(lambda _: "x" * 9000, errors.TokenTooLarge, id="larger than any token"),
    pytest.param(lambda _: "a.b.c", errors.NotAJWT, id="not a JWT"),
    pytest.param(lambda _: "ä.b.c", errors.NotAJWT, id="not even ASCII"),
    pytest.param(lambda _: f"{encode(b'[' * 5000)}.e30.eA", errors.NotAJWT, id="a header nested too deeply"),
    pytest.param(two_algorithms, errors.NotAJWT, id="a repeated member in the header"),
    pytest.param(
        lambda _: encode(b'{"alg": "RS256", "kid": 7}') + ".e30.eA",
        errors.NotAJWT,
        id="a kid that is a number",
    ),
    pytest.param(lambda _: "a.b.c.d.e", errors.TokenEncrypted, id="an encrypted token"),
    pytest.param(header(typ="at+jwt"), errors.WrongTyp, id="typ of an access token"),
    pytest.param(header(typ="JWT"), errors.WrongTyp, id="typ of any JWT"),
    pytest.param(
        header(typ="vnd.curfew.logout-receipt+jwt"), errors.WrongTyp, id="typ of a receipt of a logout"
    ),
    pytest.param(header(crit=["odd"], odd=1), errors.UnknownCriticalHeader, id="an unknown critical header"),
    pytest.param(
        lambda it: jwt.encode(it.claims(), None, algorithm="none", headers={"typ": "logout+jwt"}),
        errors.AlgorithmNotAllowed,
        id="alg none",
    ),
    pytest.param(hs256_with_the_public_key, errors.AlgorithmNotAllowed, id="HS256 with the public key"),
    pytest.param(lambda it: it.sign(it.claims(), kid="RS256 other"), errors.UnknownKey, id="an unknown kid"),
    pytest.param(
        lambda it: it.sign(it.claims(), kid="RS256", key="RS256 foreign"),
        errors.BadSignature,
        id="a foreign key under a known kid",
    ),
    pytest.param(
        lambda it: it.sign(it.claims(), alg="ES256", kid="RS256", key="ES256"),
        errors.BadSignature,
        id="an algorithm that is not the key's",
    ),
    pytest.param(
        lambda it: it.sign(it.claims(), alg="RS256", kid="PS256"),
        errors.BadSignature,
        id="a key that is for another algorithm",
    ),
    pytest.param(changed_payload, errors.BadSignature, id="a payload that was changed"),
    pytest.param(signed_text("[1]"), errors.NotAJWT, id="a payload that is an array"),
    pytest.param(signed_text('{"iss": "x", %s'), errors.NotAJWT, id="a repeated claim"),
    pytest.param(signed_text('{"more": NaN, %s'), errors.NotAJWT, id="NaN"),
    pytest.param(claims(iss="https://another.example"), errors.WrongIssuer, id="another issuer"),
    pytest.param(claims(iss=...), errors.WrongIssuer, id="no iss"),
    pytest.param(claims(aud="another"), errors.WrongAudience, id="another audience"),
    pytest.param(claims(aud=[CLIENT_ID, "another"]), errors.WrongAudience, id="a second audience"),
    pytest.param(claims(aud=[]), errors.WrongAudience, id="an empty audience"),
    pytest.param(claims(aud=...), errors.WrongAudience, id="no aud"),
    pytest.param(later(iat=120, exp=200), errors.IssuedInTheFuture, id="issued in the future"),
    pytest.param(claims(iat="1"), errors.IssuedInTheFuture, id="iat is a text"),
    pytest.param(claims(iat=True), errors.IssuedInTheFuture, id="iat is true"),
    pytest.param(claims(iat=...), errors.IssuedInTheFuture, id="no iat"),
    pytest.param(claims(iat=10**400), errors.IssuedInTheFuture, id="iat is no date of the calendar"),
    pytest.param(claims(iat=-(10**400)), errors.IssuedInTheFuture, id="iat is before any calendar"),
    pytest.param(later(iat=-300, exp=-180), errors.TokenExpired, id="expired"),
    pytest.param(claims(exp=...), errors.TokenExpired, id="no exp"),
    pytest.param(claims(exp="soon"), errors.TokenExpired, id="exp is a text"),
    pytest.param(claims(exp=float("inf")), errors.NotAJWT, id="exp is infinite"),
    pytest.param(claims(exp=float("nan")), errors.NotAJWT, id="exp is not a number"),
    pytest.param(claims(exp=10**400), errors.TokenExpired, id="exp is no date of the calendar"),
    pytest.param(later(nbf=120), errors.NotYetValid, id="not valid yet"),
    pytest.param(claims(nbf="1"), errors.NotYetValid, id="nbf is a text"),
    pytest.param(claims(nbf=True), errors.NotYetValid, id="nbf is true"),
    pytest.param(claims(nbf=10**400), errors.NotYetValid, id="nbf is no date of the calendar"),
    pytest.param(later(exp=3600), errors.LivesTooLong, id="an hour of life"),
    pytest.param(later(iat=10, exp=5), errors.LivesTooLong, id="exp before iat"),
    pytest.param(claims(jti=...), errors.MissingJTI, id="no jti"),
    pytest.param(claims(jti=""), errors.MissingJTI, id="an empty jti"),
    pytest.param(claims(jti="\ud800"), errors.MissingJTI, id="an unpaired surrogate for a jti"),
    pytest.param(claims(jti="x" * 256), errors.MissingJTI, id="a jti that is too long"),
    pytest.param(claims(sub=..., sid=...), errors.NamesNoSession, id="neither sub nor sid"),
    pytest.param(claims(sub=""), errors.NamesNoSession, id="an empty sub"),
    pytest.param(claims(sid=None), errors.NamesNoSession, id="sid is null"),
    pytest.param(claims(sub=None, sid=None), errors.NamesNoSession, id="sub and sid are null"),
    pytest.param(claims(sid=17), errors.NamesNoSession, id="sid is a number"),
    pytest.param(claims(sub="\ud800"), errors.NamesNoSession, id="an unpaired surrogate"),
    pytest.param(claims(sid="a\0b"), errors.NamesNoSession, id="NUL"),
    pytest.param(claims(events=...), errors.NotALogoutEvent, id="no events"),
    pytest.param(claims(events=[LOGOUT_EVENT]), errors.NotALogoutEvent, id="events is an array"),
    pytest.param(claims(events={"http://other": {}}), errors.NotALogoutEvent, id="another event"),
    pytest.param(
        claims(events={LOGOUT_EVENT: True}), errors.NotALogoutEvent, id="an event that is no object"
    ),
    pytest.param(claims(nonce="n"), errors.NonceProhibited, id="a nonce"),
    pytest.param(claims(nonce=None), errors.NonceProhibited, id="a nonce that is null"),
    pytest.param(
        lambda it: it.sign(it.claims(events=..., nonce="n"), typ=None),
        errors.NotALogoutEvent,
        id="an ID Token without typ",
    ),
    pytest.param(claims(sub="ben"), errors.SubjectMismatch, id="the sid of another person's session"),
]


@pytest.fixture
def ada(index, provider):
    """Ada, signed in with the sid that tokens name."""
    ada = SignIn(iss=provider.issuer, sub="ada", sid="sid-1", issued_at=NOW())
    assert index.remember(ada, "local-1")
    return ada


@pytest.mark.spec(
    "backchannel RP 1, backchannel RP 2, backchannel RP 3, backchannel RP 4",
    "backchannel RP 5, backchannel RP 6, backchannel RP 7, backchannel RP 9",
)
@pytest.mark.parametrize(("mint", "error"), REFUSED)
def test_a_bad_token_is_refused_by_the_step_that_it_breaks(receiver, provider, index, ada, mint, error):
    response = receiver.receive("POST", FORM, form(mint(provider)))

    assert response.status == 400
    shown = json.loads(response.body)
    assert shown["error"] == "invalid_request"
    assert shown["error_description"].startswith(f"{error.code}: ")
    assert index.is_live(ada)


def test_each_error_has_a_code_of_its_own():
    kinds = [errors.InvalidLogoutRequest]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())

    codes = [kind.code for kind in kinds]

    assert len(set(codes)) == len(codes) == 25


@pytest.mark.spec("backchannel RP 3", "backchannel RP 10", "backchannel RP 11")
@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({}, id="sub and sid"),
        pytest.param({"sub": ...}, id="sid alone"),
        pytest.param({"sid": ...}, id="sub alone"),
        pytest.param({"aud": [CLIENT_ID]}, id="an audience in a list"),
        pytest.param({"more": {"of": "theirs"}}, id="a claim that is not known"),
        pytest.param({"events": {LOGOUT_EVENT: {"a": 1}, "http://other": {}}}, id="another event beside it"),
    ],
)
def test_a_token_of_any_providers_shape_ends_the_session(receiver, provider, index, ada, alg, shape):
    token = provider.sign(provider.claims(**shape), alg=alg)

    assert receiver.receive("POST", FORM, form(token)).status == 200

    assert not index.is_live(ada)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"typ": None}, id="no typ"),
        pytest.param({"typ": "application/logout+jwt"}, id="the whole media type"),
        pytest.param({"typ": "Logout+JWT"}, id="in other letters"),
        pytest.param({"kid": ""}, id="no kid"),
    ],
)
def test_a_header_of_an_older_provider_is_accepted(receiver, provider, index, ada, changes):
    token = provider.sign(provider.claims(), **changes)

    assert receiver.receive("POST", FORM, form(token)).status == 200

    assert not index.is_live(ada)


@pytest.mark.parametrize(
    "mint",
    [
        pytest.param(later(iat=30, exp=120), id="issued by a clock half a minute ahead"),
        pytest.param(later(iat=-150, exp=-30), id="expired half a minute ago"),
    ],
)
def test_clocks_may_differ_by_the_leeway(receiver, provider, index, ada, mint):
    assert receiver.receive("POST", FORM, form(mint(provider))).status == 200

    assert not index.is_live(ada)


def test_an_app_may_require_the_type(index, provider):
    strict = LogoutReceiver(index, client_id=CLIENT_ID, keys=ProviderKeys(provider.issuer), requires_typ=True)

    response = strict.receive("POST", FORM, form(provider.sign(provider.claims(), typ=None)))

    assert json.loads(response.body)["error_description"] == "wrong_typ: typ is not logout+jwt"


def test_an_app_may_accept_one_algorithm_alone(index, provider):
    strict = LogoutReceiver(
        index, client_id=CLIENT_ID, keys=ProviderKeys(provider.issuer), algorithms=["ES256"]
    )

    refused = strict.receive("POST", FORM, form(provider.sign(provider.claims(), alg="RS256")))
    accepted = strict.receive("POST", FORM, form(provider.sign(provider.claims(), alg="ES256")))

    assert (refused.status, accepted.status) == (400, 200)


@pytest.mark.parametrize("algorithms", [["none"], ["HS256"], ["RS256", "HS512"], []])
def test_an_app_cannot_accept_what_anyone_could_sign(provider, algorithms):
    index = SessionIndex(MemoryStore(), issuer=provider.issuer, client_id=CLIENT_ID)

    with pytest.raises(ValueError, match="algorithms must be some of RS256, ES256, EdDSA, PS256"):
        LogoutReceiver(index, client_id=CLIENT_ID, algorithms=algorithms)
