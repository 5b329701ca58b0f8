"""The app's use of the kit's verdict on a Logout Token: its response, its page and its journal.

The kit says which tokens are believed; `tests/kit/test_logout_token.py` breaks each step of backchannel
§2.6. The tokens here show that the app gave the kit its own issuer, client, algorithm and keys.
"""

import base64

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.fake_provider import make_key


def claims(**changes):
    """A token that is right but for some claims; `...` leaves a claim out."""
    return lambda provider: provider.logout_token(**changes)


def forged(key, algorithm):
    headers = {"kid": "first", "typ": "logout+jwt"}
    return lambda provider: jwt.encode(provider.logout_claims(), key, algorithm=algorithm, headers=headers)


def id_token(provider):
    return provider.sign(provider.logout_claims(events=..., nonce="n"))


REFUSED = [
    pytest.param(id_token, "wrong_typ", id="an ID Token"),
    pytest.param(
        forged(ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "algorithm_not_allowed",
        id="another good algorithm than the registered one",
    ),
    pytest.param(forged(make_key("foreign"), "RS256"), "bad_signature", id="a foreign key under our kid"),
    pytest.param(claims(iss="http://evil.test"), "wrong_iss", id="another issuer"),
    pytest.param(claims(aud="green"), "wrong_aud", id="another audience"),
    pytest.param(claims(sub="ben"), "sub_mismatch", id="the sid of another person's session"),
]


@pytest.mark.spec("backchannel RP 2", "backchannel RP 3", "backchannel RP 4", "backchannel RP 11")
@pytest.mark.parametrize(("mint", "step"), REFUSED)
def test_a_wrong_token_is_refused_and_ends_nothing(red, ada, provider, mint, step):
    ada.sign_in()

    response = red.tell(mint(provider))

    assert response.status_code == 400
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json["error"] == "invalid_request"
    assert response.json["error_description"].startswith(f"{step}: ")
    assert red.events("rp_logout_token")[0]["step"] == step
    assert ada.state()["signed_in"]


@pytest.mark.spec("backchannel RP 10, backchannel RP 11")
@pytest.mark.parametrize(
    "mint",
    [
        pytest.param(claims(), id="sub and sid"),
        pytest.param(lambda it: it.sign(it.logout_claims(), typ=None), id="no typ"),
    ],
)
def test_a_good_token_ends_the_session(red, ada, provider, mint):
    ada.sign_in()

    response = red.tell(mint(provider))

    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    assert not ada.state()["signed_in"]
    assert ada.state()["end_reason"] == "ended by a Logout Token"
    assert red.events("rp_logout_token")[0]["verdict"] == "accepted"


@pytest.mark.spec("backchannel RP 8")
def test_a_token_is_remembered_across_a_restart(red, make_app, provider):
    token = provider.logout_token()
    red.tell(token)

    again = make_app().tell(token)

    assert again.status_code == 400
    assert again.json["error_description"].startswith("replayed: ")


@pytest.mark.parametrize(
    "iat", ["9" * 401, "-" + "9" * 401, "9" * 5000, "1e999", "NaN", "true", '"now"', "[1]"]
)
def test_no_unsigned_instant_breaks_the_receiver(red, iat):
    """The journal shows what a refused token said of itself, whatever its origin."""
    body = f'{{"iss": "http://evil.test", "sub": "ada", "iat": {iat}}}'.encode()

    response = red.tell(f"{encode(b'{}')}.{encode(body)}.{encode(b'x')}")

    assert response.status_code == 400
    assert red.events("rp_logout_token")[0]["latency_seconds"] is None


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
