"""Which Logout Tokens the app believes: every step of backchannel §2.6, broken one at a time."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.fake_provider import LOGOUT_EVENT, FakeProvider, make_key

Mint = Callable[[FakeProvider], str]
NOW = time.time


def claims(**changes: Any) -> Mint:
    """A token that is right but for some claims; `...` leaves a claim out."""
    return lambda provider: provider.logout_token(**changes)


def later(**seconds: float) -> Mint:
    """A token whose instants are that far from now."""
    return lambda provider: provider.logout_token(**{name: NOW() + value for name, value in seconds.items()})


def header(**changes: Any) -> Mint:
    return lambda provider: provider.sign(provider.logout_claims(), **{"typ": "logout+jwt", **changes})


def forged(key: Any, algorithm: str, kid: str = "first") -> Mint:
    headers = {"kid": kid, "typ": "logout+jwt"}
    return lambda provider: jwt.encode(provider.logout_claims(), key, algorithm=algorithm, headers=headers)


def hs256_with_public_key(provider: FakeProvider) -> str:
    public = provider.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return forge_hs256(public, provider.logout_claims())


def forge_hs256(secret: bytes, body: dict[str, Any]) -> str:
    """By hand, because PyJWT refuses to use a public key as a secret."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    head = {"alg": "HS256", "kid": "first", "typ": "logout+jwt"}
    signed = ".".join(encode(json.dumps(part).encode()) for part in (head, body))
    mac = HMAC(secret, SHA256())
    mac.update(signed.encode())
    return f"{signed}.{encode(mac.finalize())}"


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_changed_payload(provider: FakeProvider) -> str:
    head, _, signature = provider.logout_token().split(".")
    return f"{head}.{encode(json.dumps(provider.logout_claims(sub='ben')).encode())}.{signature}"


def id_token(provider: FakeProvider) -> str:
    now = int(NOW())
    return provider.sign(
        {
            "iss": provider.issuer,
            "aud": "red",
            "sub": "ada",
            "sid": "sid-1",
            "iat": now,
            "exp": now + 60,
            "nonce": "n",
        }
    )


def untyped_id_token(provider: FakeProvider) -> str:
    now = int(NOW())
    body = {
        "iss": provider.issuer,
        "aud": "red",
        "sub": "ada",
        "iat": now,
        "exp": now + 60,
        "jti": "1",
        "nonce": "n",
    }
    return provider.sign(body, typ=None)


def without_kid(provider: FakeProvider) -> str:
    headers = {"typ": "logout+jwt"}
    return jwt.encode(provider.logout_claims(), provider.keys["first"], algorithm="RS256", headers=headers)


def nested_deeply(_: FakeProvider) -> str:
    return f"{encode(b'[' * 5000)}.{encode(b'{}')}.{encode(b'x')}"


def array_payload(provider: FakeProvider) -> str:
    headers = {"kid": "first", "typ": "logout+jwt"}
    return jwt.PyJWS().encode(b"[1]", provider.keys["first"], algorithm="RS256", headers=headers)


def twice(name: str, value: object) -> Mint:
    """A signed payload in which a name stands twice, the second time as it should be."""

    def mint(provider: FakeProvider) -> str:
        said = json.dumps(provider.logout_claims())
        return signed_text(provider, f'{{"{name}": {json.dumps(value)}, {said[1:]}')

    return mint


def signed_text(provider: FakeProvider, payload: str) -> str:
    headers = {"kid": "first", "typ": "logout+jwt"}
    return jwt.PyJWS().encode(payload.encode(), provider.keys["first"], algorithm="RS256", headers=headers)


def two_algorithms(provider: FakeProvider) -> str:
    head = b'{"alg": "none", "alg": "RS256", "kid": "first"}'
    return f"{encode(head)}.{provider.logout_token().partition('.')[2]}"


REFUSED = [
    pytest.param(lambda _: "x" * 9000, "token_too_large", id="a token too large to be one"),
    pytest.param(lambda _: "a.b.c", "not_a_jwt", id="no JWT at all"),
    pytest.param(
        lambda _: "a.b.c.d.e", "token_encrypted", id="an encrypted token, though none was registered"
    ),
    pytest.param(nested_deeply, "not_a_jwt", id="a header nested deeper than the parser can go"),
    pytest.param(header(typ="JWT"), "wrong_typ", id="typ JWT"),
    pytest.param(header(typ="at+jwt"), "wrong_typ", id="typ of an access token"),
    pytest.param(id_token, "wrong_typ", id="an ID Token"),
    pytest.param(header(crit=["b64x"], b64x=1), "unknown_crit", id="an unknown critical extension"),
    pytest.param(forged(None, "none"), "algorithm_not_allowed", id="alg none"),
    pytest.param(hs256_with_public_key, "algorithm_not_allowed", id="HS256 with the public key as secret"),
    pytest.param(
        forged(ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "algorithm_not_allowed",
        id="another good algorithm",
    ),
    pytest.param(forged(make_key("foreign"), "RS256"), "bad_signature", id="a foreign key under our kid"),
    pytest.param(
        forged(make_key("foreign"), "RS256", kid="none"),
        "unknown_key",
        id="a kid the provider lacks",
    ),
    pytest.param(with_changed_payload, "bad_signature", id="a payload changed after signing"),
    pytest.param(twice("sub", "ada"), "not_a_jwt", id="a sub that stands there twice"),
    pytest.param(twice("events", {}), "not_a_jwt", id="events that stand there twice"),
    pytest.param(two_algorithms, "not_a_jwt", id="a header with two algorithms"),
    pytest.param(claims(jti="\ud800"), "missing_jti", id="an unpaired surrogate for a jti"),
    pytest.param(array_payload, "not_a_jwt", id="a payload that is no object"),
    pytest.param(claims(iss="http://evil.test"), "wrong_iss", id="another issuer"),
    pytest.param(claims(iss=...), "wrong_iss", id="no issuer"),
    pytest.param(claims(aud="green"), "wrong_aud", id="another audience"),
    pytest.param(claims(aud=["red", "green"]), "wrong_aud", id="an audience with others"),
    pytest.param(claims(aud=[]), "wrong_aud", id="an empty audience"),
    pytest.param(claims(aud=...), "wrong_aud", id="no audience"),
    pytest.param(claims(iat=...), "wrong_iat", id="no iat"),
    pytest.param(claims(iat=True), "wrong_iat", id="an iat that is a boolean"),
    pytest.param(later(iat=90, exp=120), "wrong_iat", id="an iat in the future"),
    pytest.param(claims(exp=...), "expired", id="no exp"),
    pytest.param(claims(exp="soon"), "expired", id="an exp that is a text"),
    pytest.param(claims(exp=float("inf")), "not_a_jwt", id="an exp that is infinite"),
    pytest.param(claims(exp=float("nan")), "not_a_jwt", id="an exp that is no number"),
    pytest.param(claims(exp=10**400), "expired", id="an exp of 400 digits"),
    pytest.param(claims(iat=10**400), "wrong_iat", id="an iat of 400 digits"),
    pytest.param(claims(iat=-(10**400)), "wrong_iat", id="an iat of 400 digits before time"),
    pytest.param(claims(nbf=10**400), "not_yet_valid", id="an nbf of 400 digits"),
    pytest.param(claims(nbf=True), "not_yet_valid", id="an nbf that is a boolean"),
    pytest.param(later(iat=-200, exp=-80), "expired", id="an expired token"),
    pytest.param(later(nbf=90), "not_yet_valid", id="an nbf in the future"),
    pytest.param(later(exp=3600), "lives_too_long", id="a life of an hour"),
    pytest.param(later(iat=30, exp=20), "lives_too_long", id="an exp before its iat"),
    pytest.param(claims(jti=...), "missing_jti", id="no jti"),
    pytest.param(claims(jti=""), "missing_jti", id="an empty jti"),
    pytest.param(claims(jti="x" * 300), "missing_jti", id="a jti longer than we would remember"),
    pytest.param(claims(sub=..., sid=...), "names_no_session", id="neither sub nor sid"),
    pytest.param(claims(sid=17), "names_no_session", id="a sid that is a number"),
    pytest.param(claims(sub=None, sid=None), "names_no_session", id="sub and sid that are null"),
    pytest.param(claims(events=...), "not_a_logout_event", id="no events"),
    pytest.param(claims(events=[LOGOUT_EVENT]), "not_a_logout_event", id="events that are a list"),
    pytest.param(claims(events={"other": {}}), "not_a_logout_event", id="events that name something else"),
    pytest.param(
        claims(events={LOGOUT_EVENT: True}), "not_a_logout_event", id="an event whose value is no object"
    ),
    pytest.param(claims(nonce="n"), "nonce_prohibited", id="a nonce"),
    pytest.param(claims(nonce=None), "nonce_prohibited", id="a nonce that is null"),
    pytest.param(untyped_id_token, "not_a_logout_event", id="an ID Token without typ"),
]

BELIEVED = [
    pytest.param(claims(), id="sub and sid"),
    pytest.param(claims(sub=...), id="sid alone"),
    pytest.param(claims(sid=...), id="sub alone"),
    pytest.param(claims(aud=["red"]), id="an audience list of this client alone"),
    pytest.param(header(typ=None), id="no typ, as older providers send it"),
    pytest.param(header(typ="application/LOGOUT+JWT"), id="typ spelled as a full media type"),
    pytest.param(without_kid, id="no kid"),
    pytest.param(later(iat=30, exp=120), id="a clock half a minute ahead"),
    pytest.param(later(iat=-150, exp=-30), id="expired within the leeway"),
    pytest.param(claims(extra={"a": 1}), id="unknown claims"),
    pytest.param(claims(events={LOGOUT_EVENT: {"x": 1}, "other": {}}), id="more events than ours"),
]


@pytest.mark.spec(
    "backchannel RP 1",
    "backchannel RP 2",
    "backchannel RP 3",
    "backchannel RP 4",
    "backchannel RP 5",
    "backchannel RP 6",
    "backchannel RP 7",
    "backchannel RP 8",
    "backchannel RP 9",
    "backchannel RP 10",
    "backchannel RP 11",
)
@pytest.mark.parametrize(("mint", "step"), REFUSED)
def test_a_wrong_token_is_refused_and_ends_nothing(red, ada, provider, mint, step):
    ada.sign_in()

    answer = red.tell(mint(provider))

    assert answer.status_code == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["error"] == "invalid_request"
    assert answer.json["error_description"].startswith(f"{step}: ")
    assert red.events("rp_logout_token")[0]["step"] == step
    assert ada.state()["signed_in"]


@pytest.mark.spec("backchannel RP 10, backchannel RP 11")
@pytest.mark.parametrize("mint", BELIEVED)
def test_a_good_token_ends_the_session(red, ada, provider, mint):
    ada.sign_in()

    answer = red.tell(mint(provider))

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert not ada.state()["signed_in"]
    assert ada.state()["end_reason"] == "ended by a Logout Token"
    assert red.events("rp_logout_token")[0]["verdict"] == "accepted"


@pytest.mark.spec("backchannel RP 8")
def test_the_same_token_counts_once(red, ada, provider):
    token = provider.logout_token()
    red.tell(token)

    again = red.tell(token)

    assert again.status_code == 400
    assert again.json["error_description"].startswith("replayed: ")


@pytest.mark.spec("backchannel RP 8")
def test_a_token_is_remembered_across_a_restart(red, make_app, provider):
    token = provider.logout_token()
    red.tell(token)

    assert make_app().tell(token).status_code == 400


@pytest.mark.spec("backchannel RP 8")
def test_a_refused_token_does_not_use_up_its_jti(red, ada, provider):
    red.tell(provider.logout_token(jti="once", nonce="n"))

    assert red.tell(provider.logout_token(jti="once")).status_code == 200


@pytest.mark.spec("backchannel RP 11")
def test_a_sid_of_somebody_else_is_refused(red, ada, provider):
    ada.sign_in()

    answer = red.tell(provider.logout_token(sub="ben"))

    assert answer.json["error_description"].startswith("sub_mismatch: ")
    assert ada.state()["signed_in"]


@pytest.mark.parametrize(
    "iat", ["9" * 401, "-" + "9" * 401, "9" * 5000, "1e999", "NaN", "true", '"now"', "[1]"]
)
def test_no_unsigned_instant_breaks_the_receiver(red, iat):
    """The journal shows what a refused token said of itself, whoever wrote it."""
    body = f'{{"iss": "http://evil.test", "sub": "ada", "iat": {iat}}}'.encode()

    answer = red.tell(f"{encode(b'{}')}.{encode(body)}.{encode(b'x')}")

    assert answer.status_code == 400
    assert red.events("rp_logout_token")[0]["latency_seconds"] is None
