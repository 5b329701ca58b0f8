"""A temporary provider: a signing key, its documents, and endpoints with which apps sign people in."""

import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from curfew_rp.checking.party import TYP, Claims, SignedIn
from curfew_rp.logout_token import LOGOUT_EVENT

LIFETIME_SECONDS = 120
_ID_TOKEN_SECONDS = 3600
_RSA_BITS = 2048


class Issuer:
    """Signs tokens for one client with its own key, which it publishes."""

    def __init__(self, url: str, client_id: str, alg: str) -> None:
        self.url = url
        self.client_id = client_id
        self.alg = alg
        self.kid = secrets.token_hex(8)
        self.key = make_key(alg)
        # By code: the sign-in, and the nonce that its ID Token repeats.
        self._codes: dict[str, tuple[SignedIn, str | None]] = {}
        self._last: SignedIn | None = None

    def claims(self) -> Claims:
        """Return the claims of a valid Logout Token for a session that never existed."""
        return new_claims(self.url, self.client_id)

    def sign(self, claims: Claims, *, key: Any = None, typ: str = TYP) -> str:
        """Sign claims with the published key, or with another key under the same kid."""
        headers = {"kid": self.kid, "typ": typ}
        return jwt.encode(claims, key or self.key, algorithm=self.alg, headers=headers)

    def public_pem(self) -> bytes:
        """Return the public key as PEM."""
        pem: bytes = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def admit(self, _browser: requests.Session) -> None:
        """Do nothing: each sign-in request gets a new person."""

    def last_sign_in(self) -> SignedIn:
        """Return the newest sign-in. Raises LookupError if there was none."""
        if self._last is None:
            raise LookupError("no one has signed in yet")
        return self._last

    def authorize(self, asked: dict[str, str]) -> str:
        """Sign a new person in, and return the URL to which the browser is sent with the code."""
        self._last = SignedIn(f"person-{secrets.token_hex(8)}", secrets.token_urlsafe(16))
        code = secrets.token_urlsafe(16)
        self._codes[code] = (self._last, asked.get("nonce"))
        response = {"code": code, "iss": self.url} | {k: v for k, v in asked.items() if k == "state"}
        mark = "&" if "?" in asked.get("redirect_uri", "") else "?"
        return f"{asked.get('redirect_uri', '')}{mark}{urlencode(response)}"

    def redeem(self, code: str) -> dict[str, Any] | None:
        """Return the response of the token endpoint; None if the code is unknown or already used."""
        signed_in, nonce = self._codes.pop(code, (None, None))
        if signed_in is None:
            return None
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": self.client_id,
            "sub": signed_in.sub,
            "sid": signed_in.sid,
            "iat": now,
            "exp": now + _ID_TOKEN_SECONDS,
            "auth_time": now,
            "name": signed_in.sub,
        } | ({"nonce": nonce} if nonce else {})
        # The access token is simply the person's name: it gives access to nothing else.
        return {
            "access_token": signed_in.sub,
            "token_type": "Bearer",
            "expires_in": _ID_TOKEN_SECONDS,
            "id_token": self.sign(claims, typ="JWT"),
        }

    def documents(self) -> dict[str, Claims]:
        """Return the discovery document and the JWK Set by their paths."""
        base = urlsplit(self.url).path.rstrip("/")
        jwk = json.loads(jwt.get_algorithm_by_name(self.alg).to_jwk(self.key.public_key()))
        at = self.url.rstrip("/")
        metadata = {
            "issuer": self.url,
            "jwks_uri": f"{at}/jwks",
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "userinfo_endpoint": f"{at}/userinfo",
            "authorization_response_iss_parameter_supported": True,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.alg],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
        }
        return {
            f"{base}/.well-known/openid-configuration": metadata,
            f"{base}/jwks": {"keys": [{**jwk, "kid": self.kid, "use": "sig", "alg": self.alg}]},
        }


def new_claims(issuer: str, client_id: str) -> Claims:
    """Return the claims of a valid Logout Token for a session that never existed."""
    now = int(time.time())
    return {
        "iss": issuer,
        "aud": client_id,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": secrets.token_urlsafe(16),
        "sub": f"unknown-{secrets.token_hex(8)}",
        "sid": secrets.token_urlsafe(16),
        "events": {LOGOUT_EVENT: {}},
    }


def make_key(alg: str) -> Any:
    """Make a private key for an algorithm."""
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
