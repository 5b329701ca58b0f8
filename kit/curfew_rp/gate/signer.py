"""The identity as a signed JWT, for apps that verify themselves that a request came through the gate."""

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from curfew_rp.gate.identity import Identity
from curfew_rp.gate.settings import Settings

TYP = "gate-identity+jwt"
# Proxies pass the token on at once, so this is mainly an allowance for different clocks.
LIFETIME_SECONDS = 60
# rfc7638 §3.2: the members that make up a thumbprint.
_THUMBPRINT_MEMBERS = ("crv", "kty", "x", "y")


class IdentitySigner:
    """Signs with the configured key; the issuer is the gate's own URL, with the keys at `/jwks` below."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.prefix
        self._key: Any = load_pem_private_key((settings.identity_key or "").encode(), password=None)
        self._alg = "ES256" if isinstance(self._key, EllipticCurvePrivateKey) else "EdDSA"
        self._jwk = _public_jwk(self._key, self._alg)

    def sign(self, identity: Identity, origin: str) -> str:
        """Return a JWT for the app at an origin."""
        now = int(time.time())
        claims = {
            "iss": f"{origin}{self._prefix}",
            "aud": origin,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "sub": identity.sub,
            "user": identity.user,
            "email": identity.email,
            "name": identity.name,
            "groups": identity.groups,
        }
        said = {name: value for name, value in claims.items() if value}
        headers = {"typ": TYP, "kid": self._jwk["kid"]}
        return jwt.encode(said, self._key, algorithm=self._alg, headers=headers)

    def jwks(self) -> list[dict[str, Any]]:
        """Return the public key with which apps verify the JWT."""
        return [self._jwk]


def _public_jwk(key: Any, alg: str) -> dict[str, Any]:
    jwk = json.loads(jwt.get_algorithm_by_name(alg).to_jwk(key.public_key()))
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS if name in jwk}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    kid = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {**members, "kid": kid, "use": "sig", "alg": alg}
