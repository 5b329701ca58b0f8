"""A provider for the occasion: a signing key, and the two documents by which apps find it."""

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from curfew_rp.logout_token import LOGOUT_EVENT

TYP = "logout+jwt"
LIFETIME_SECONDS = 120
_RSA_BITS = 2048
Claims = dict[str, Any]


class Issuer:
    """Signs tokens for one client under a key of its own, which it publishes."""

    def __init__(self, url: str, client_id: str, alg: str) -> None:
        self.url = url
        self.client_id = client_id
        self.alg = alg
        self.kid = secrets.token_hex(8)
        self.key = make_key(alg)

    def claims(self) -> Claims:
        """Return the claims of a Logout Token in order, of a session that never was."""
        now = int(time.time())
        return {
            "iss": self.url,
            "aud": self.client_id,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": secrets.token_urlsafe(16),
            "sub": f"unknown-{secrets.token_hex(8)}",
            "sid": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}},
        }

    def sign(self, claims: Claims, *, key: Any = None, typ: str = TYP) -> str:
        """Sign claims with the published key, or with another one under its name."""
        headers = {"kid": self.kid, "typ": typ}
        return jwt.encode(claims, key or self.key, algorithm=self.alg, headers=headers)

    def public_pem(self) -> bytes:
        """Return the public key as text."""
        pem: bytes = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def documents(self) -> dict[str, Claims]:
        """Return the discovery document and the JWK Set by their paths."""
        base = urlsplit(self.url).path.rstrip("/")
        jwk = json.loads(jwt.get_algorithm_by_name(self.alg).to_jwk(self.key.public_key()))
        metadata = {
            "issuer": self.url,
            "jwks_uri": f"{self.url.rstrip('/')}/jwks",
            "authorization_endpoint": f"{self.url.rstrip('/')}/authorize",
            "token_endpoint": f"{self.url.rstrip('/')}/token",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.alg],
        }
        return {
            f"{base}/.well-known/openid-configuration": metadata,
            f"{base}/jwks": {"keys": [{**jwk, "kid": self.kid, "use": "sig", "alg": self.alg}]},
        }


def make_key(alg: str) -> Any:
    """Make a private key for an algorithm."""
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


class IssuerServer(ThreadingHTTPServer):
    """Serves an issuer's documents at an address of this machine while it is entered."""

    daemon_threads = True

    def __init__(self, host: str, port: int, issuer: Issuer) -> None:
        super().__init__((host, port), _Handler)
        self.documents = issuer.documents()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: IssuerServer

    def do_GET(self) -> None:
        """Send a document."""
        document = self.server.documents.get(urlsplit(self.path).path)
        body = json.dumps(document).encode() if document else b""
        self.send_response(200 if document else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 – the name is the base class's.
        """Say nothing."""
