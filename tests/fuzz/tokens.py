"""Targets that read tokens: header and claims as texts, a line feed between them, which are then signed.

`@` in a header stands for what only this run knows: the public key, or the kid of a key of the provider's.
"""

import base64
import json
from contextlib import suppress

from flask import current_app
from joserfc.jws import JWSRegistry
from jwt.algorithms import ECAlgorithm
from werkzeug.test import TestResponse

from curfew_rp import logout_token
from curfew_rp.errors import InvalidLogoutToken
from curfew_rp.signed_token import unverified_claims
from provider.keys.jwt import InvalidJWT, verify_own
from provider.keys.keyring import the_keyring
from provider.logout.hint import BadHint, read_hint
from provider.oauth.authorization import request_object
from provider.oauth.authorization.request import AuthorizationRequest
from provider.oauth.registration import software_statement
from provider.protocol import dpop_proof, signed_token
from provider.protocol.errors import ProtocolError
from relying_party_demo import receipts
from tests.fuzz.site import AT, KEY, NOW, PUBLIC, metadata_of_red
from tests.support.browsers import ISSUER

LEEWAY_SECONDS = 60.0
LONGEST_LIFE_SECONDS = 300.0
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REDIRECT_URI = "https://red.test/callback"


def raw_jwt(data: bytes) -> None:
    """Text where a token belongs, as it comes; nothing here is signed, so nothing is accepted."""
    text = data.decode("utf-8", "replace")
    _refused(lambda: read_hint(text, client_id=None), BadHint)
    _refused(lambda: software_statement.claims_of(text), ProtocolError)
    _refused(lambda: read_request(text), ProtocolError)
    _refused(lambda: read_proof(text), dpop_proof.MalformedProof)
    _refused(lambda: logout_token.validate(text, expectations()), InvalidLogoutToken)
    receipts.latency_of(unverified_claims(text, logout_token.TOKEN_SIZE_LIMIT).get("iat"), AT)
    with suppress(signed_token.MalformedToken):
        token = signed_token.read_token(text, largest=8192)
        assert "crit" not in token.header
        assert isinstance(token.header["alg"], str)


def own_jwt(data: bytes) -> None:
    """A token by a key of the provider's, as none of its own code would sign it."""
    text = by_provider(data)
    with suppress(InvalidJWT):
        assert verify(text)["exp"] > AT
    with suppress(BadHint):
        read_hint(text, client_id=None)


def client_assertion(data: bytes) -> None:
    """Prove green at the token endpoint."""
    response = prove(by_key(data))

    assert response.status_code in (200, 400, 401), response.status_code


def statement(data: bytes) -> None:
    """A software statement of an issuer that is believed."""
    with suppress(ProtocolError):
        software_statement.claims_of(by_key(data))


def signed_request(data: bytes) -> None:
    """A request object of red's, and the request that it is."""
    with suppress(ProtocolError):
        parameters = read_request(by_key(data))
        assert all(isinstance(value, str) for value in parameters.values())
        AuthorizationRequest.read(parameters, metadata_of_red(), _REDIRECT_URI)


def proof(data: bytes) -> None:
    """A DPoP proof; what it says of its instant is true when it is taken."""
    with suppress(dpop_proof.MalformedProof):
        read = read_proof(by_key(data))
        assert abs(read.iat - NOW) <= dpop_proof.LONGEST_DISTANCE
        assert 0 < len(read.jti) <= 255


def logout(data: bytes) -> None:
    """A Logout Token at the demo's receiver."""
    text = by_key(data)
    receipts.latency_of(unverified_claims(text, logout_token.TOKEN_SIZE_LIMIT).get("iat"), AT)
    with suppress(InvalidLogoutToken):
        claims = logout_token.validate(text, expectations())
        assert 0 < claims.exp - claims.iat <= LONGEST_LIFE_SECONDS


def verify(text: str) -> dict[str, object]:
    return verify_own(text, typ=frozenset({"JWT", None}), audience=None, require=("iss", "sub", "exp"))


def prove(assertion: str) -> TestResponse:
    form = {"grant_type": "client_credentials", "client_assertion_type": _ASSERTION}
    return current_app.test_client().post("/token", data=form | {"client_assertion": assertion})


def read_request(text: str) -> dict[str, str]:
    return request_object.read(text, metadata_of_red(), client_id="red", beside={})


def read_proof(text: str) -> dpop_proof.DPoPProof:
    return dpop_proof.read(text, method="POST", urls=[f"{ISSUER}/token"], now=NOW)


def expectations() -> logout_token.Expectations:
    return logout_token.Expectations(
        issuer=ISSUER,
        client_id="red",
        algorithms=frozenset({"ES256"}),
        now=AT,
        leeway=LEEWAY_SECONDS,
        longest_life=LONGEST_LIFE_SECONDS,
        requires_typ=False,
        find_keys=lambda kid: [PUBLIC],
        is_used=lambda jti: False,
        is_other_subject=lambda sub, sid: False,
    )


def by_key(data: bytes) -> str:
    jwk = json.dumps(PUBLIC).encode()
    return _signed(data, jwk, lambda said: JWSRegistry.algorithms["ES256"].sign(said, KEY))


def by_provider(data: bytes) -> str:
    kid, private = the_keyring().private_key("ES256")
    by = ECAlgorithm(ECAlgorithm.SHA256)
    return _signed(data, f'"{kid}"'.encode(), lambda said: by.sign(said, private))


def _signed(data: bytes, at, sign) -> str:
    header, _, claims = data.partition(b"\n")
    filled = header.replace(b'"@"', at)
    said = f"{_encoded(filled)}.{_encoded(claims)}"
    return f"{said}.{_encoded(sign(said.encode()))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refused(read, error) -> None:
    with suppress(error):
        read()
        raise AssertionError("a forged token was accepted")
