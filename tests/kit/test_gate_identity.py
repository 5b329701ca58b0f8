"""The identity that the gate passes on to an app: its headers, and its signature."""

import json
from urllib.parse import unquote

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from curfew_rp.gate.gate import Gate
from curfew_rp.gate.identity import UnfitClaims, identity_of
from curfew_rp.gate.messages import Request
from tests.kit.conftest import WIKI
from tests.kit.other_provider import private_key
from tests.kit.test_gate import ask, id_claims, sign_in


@pytest.fixture
def gate(gate_settings):
    gate = Gate(gate_settings())
    yield gate
    gate._store.close()


def test_headers_are_ascii_and_can_be_decoded(gate_settings):
    claims = {
        "name": "Zoë\r\nX-Evil: 1",
        "email": "ada@example.test",
        "email_verified": True,
        "groups": ["a,b", "100%", " c"],
    }

    headers = dict(identity_of("ada", claims, gate_settings()).headers)

    assert headers["X-Auth-Request-Name"] == "Zo%C3%AB%0D%0AX-Evil: 1"
    assert unquote(headers["X-Auth-Request-Name"]) == claims["name"]
    assert headers["X-Auth-Request-Email"] == "ada@example.test"
    groups = headers["X-Auth-Request-Groups"].split(",")
    assert [unquote(group) for group in groups] == claims["groups"]
    assert all(value.isascii() and value.isprintable() for value in headers.values())


def test_no_other_claim_stands_in_for_the_name_of_an_account(gate_settings):
    by_name = gate_settings(user_claim="preferred_username")
    with pytest.raises(UnfitClaims):
        identity_of("ada", {"preferred_username": ""}, by_name)
    with pytest.raises(UnfitClaims):
        identity_of("ada", {"groups": ["x" * 100] * 200}, gate_settings())
    unverified = {"email": "cleo@example.test", "email_verified": "true"}
    with pytest.raises(UnfitClaims):
        identity_of("ada", unverified, gate_settings(user_claim="email"))
    assert "X-Auth-Request-Email" not in dict(identity_of("ada", unverified, gate_settings()).headers)
    accepting = gate_settings(user_claim="email", accept_unverified_email="true")
    assert (
        dict(identity_of("ada", unverified, accepting).headers)["X-Auth-Request-User"] == "cleo@example.test"
    )


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_the_identity_is_signed_for_the_app_alone(gate_settings, provider, tmp_path, alg):
    key = private_key(f"{alg} of the gate")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    gate = Gate(gate_settings(identity_key_file=str(tmp_path / "key.pem")))

    token = dict(ask(gate, sign_in(gate, id_claims(provider))).headers)["X-Auth-Request-JWT"]
    jwks = json.loads(gate.handle(Request(method="GET", path="/_gate/jwks")).body)["keys"]
    gate._store.close()

    assert [set(jwk) - {"y"} for jwk in jwks] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    assert jwt.get_unverified_header(token) == {"alg": alg, "kid": jwks[0]["kid"], "typ": "gate-identity+jwt"}
    said = jwt.decode(token, jwt.PyJWK(jwks[0]), [alg], audience=WIKI, issuer=f"{WIKI}/_gate")
    assert (said["sub"], said["user"], said["name"]) == ("ada", "ada", "Ada")
    assert said["exp"] - said["iat"] == 60
    assert "email" not in said


def test_without_a_key_nothing_is_signed(gate, provider):
    assert "X-Auth-Request-JWT" not in dict(ask(gate, sign_in(gate, id_claims(provider))).headers)
    assert gate.handle(Request(method="GET", path="/_gate/jwks")).body == b'{"keys": []}'
