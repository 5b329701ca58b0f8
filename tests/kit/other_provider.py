"""A provider at the other end of the wire, with keys of every algorithm, that signs what a test wants."""

import json
import secrets
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from curfew_rp.logout_token import LOGOUT_EVENT

CLIENT_ID = "shop"
ALGORITHMS = ("RS256", "ES256", "EdDSA", "PS256")
Claims = dict[str, Any]


@cache
def private_key(name: str) -> Any:
    """One key per name for the whole run; the name begins with its algorithm."""
    match name.partition(" ")[0]:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(alg: str, kid: str) -> Claims:
    public = private_key(kid).public_key()
    jwk = json.loads(jwt.get_algorithm_by_name(alg).to_jwk(public))
    return {**jwk, "kid": kid, "use": "sig", "alg": alg}


class OtherProvider:
    """Its documents over HTTP, and switches for what it does wrong."""

    def __init__(self) -> None:
        self.jwks = [public_jwk(alg, alg) for alg in ALGORITHMS]
        self.is_down = False
        self.bend: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}
        self.fetched: list[str] = []
        self.authorization = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.provider = self
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def documents(self) -> dict[str, Any]:
        metadata = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
        return {
            "/.well-known/openid-configuration": metadata,
            "/jwks": {"keys": self.jwks},
            **self.bend,
        }

    def claims(self, **changes: Any) -> Claims:
        """Claims of a Logout Token in order, but for the changes; `...` leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
            "sub": "ada",
            "sid": "sid-1",
            "events": {LOGOUT_EVENT: {}},
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def sign(
        self,
        claims: Claims,
        *,
        alg: str = "RS256",
        kid: str | None = None,
        key: str | None = None,
        typ: str | None = "logout+jwt",
        **header: Any,
    ) -> str:
        """Sign with the key of that name, else with that of the `kid`; an empty `kid` is left out."""
        kid = alg if kid is None else kid
        headers = {"typ": typ, **({"kid": kid} if kid else {}), **header}
        return jwt.encode(claims, private_key(key or kid or alg), algorithm=alg, headers=headers)

    def logout_token(self, **changes: Any) -> str:
        return self.sign(self.claims(**changes))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        provider: OtherProvider = self.server.provider
        provider.fetched.append(self.path)
        document = provider.documents().get(self.path)
        status = 503 if provider.is_down else 404 if document is None else 200
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Introspection: says of a token what the test has put down for it."""
        self.server.provider.authorization = self.headers.get("Authorization", "")
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        said = self.server.provider.tokens.get(form["token"][0], {"active": False})
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(said if isinstance(said, int) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
