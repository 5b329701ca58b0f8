"""A small OpenID Provider at the far end of the wire: real HTTP, real keys, tokens signed with PyJWT.

It signs Ada in without asking and does what a test tells it to do wrong.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
Claims = dict[str, Any]


@cache
def make_key(name: str) -> RSAPrivateKey:
    """One key per name for the whole run, since making them is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(key: RSAPrivateKey, kid: str) -> Claims:
    jwk: Claims = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": kid, "use": "sig", "alg": "RS256"}


@dataclass
class Request:
    path: str
    values: dict[str, str]
    headers: dict[str, str]


@dataclass
class FakeProvider:
    """A provider's state, and the switches that a test may turn."""

    issuer: str = ""
    keys: dict[str, RSAPrivateKey] = field(default_factory=lambda: {"first": make_key("first")})
    signing_kid: str = "first"
    sub: str = "ada"
    sid: str = "sid-1"
    seen: list[Request] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh_tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    access_tokens: set[str] = field(default_factory=set)
    is_down: bool = False
    # What the account API answers to requests for a sign-out everywhere, in order; a status of 0 cuts off.
    everywhere: list[tuple[int, Claims]] = field(default_factory=list)
    authorize_error: str | None = None
    response_iss: str | None = None
    send_iss: bool = True
    userinfo_sub: str | None = None
    bend_id_token: Callable[[Claims], Claims] = lambda claims: claims
    sign_id_token: Callable[[Claims], str] | None = None
    bend_token_response: Callable[[Claims], Claims] = lambda response: response
    before_refresh_response: Callable[[], object] = lambda: None

    def sign(self, claims: Claims, *, typ: str | None = "JWT", **header: Any) -> str:
        headers = {"kid": self.signing_kid, "typ": typ, **header}
        return jwt.encode(claims, self.keys[self.signing_kid], algorithm="RS256", headers=headers)

    def logout_claims(self, client_id: str = "red", **changes: Any) -> Claims:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
            "sub": self.sub,
            "sid": self.sid,
            "events": {LOGOUT_EVENT: {}},
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not ...}

    def logout_token(self, client_id: str = "red", **changes: Any) -> str:
        return self.sign(self.logout_claims(client_id, **changes), typ="logout+jwt")

    def discovery(self) -> Claims:
        paths = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "userinfo_endpoint": "/userinfo",
            "end_session_endpoint": "/session/end",
            "jwks_uri": "/jwks",
        }
        return {
            "issuer": self.issuer,
            **{name: self.issuer + path for name, path in paths.items()},
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
            "code_challenge_methods_supported": ["S256"],
        }

    def respond(self, request: Request) -> tuple[int, Claims, str | None]:
        """Status, JSON body and where to go."""
        self.seen.append(request)
        if self.is_down:
            return 503, {}, None
        match request.path:
            case "/.well-known/openid-configuration":
                return 200, self.discovery(), None
            case "/jwks":
                return 200, {"keys": [public_jwk(key, kid) for kid, key in self.keys.items()]}, None
            case "/authorize":
                return 302, {}, self.authorize(request.values)
            case "/token":
                return self.token(request)
            case "/userinfo":
                return self.userinfo(request)
            case "/account/sign-out-everywhere":
                return *self.everywhere.pop(0), None
        return 404, {}, None

    def authorize(self, values: dict[str, str]) -> str:
        params = {"state": values["state"]}
        if self.send_iss:
            params["iss"] = self.response_iss or self.issuer
        if self.authorize_error:
            params["error"] = self.authorize_error
        else:
            params["code"] = secrets.token_hex(8)
            self.codes[params["code"]] = values
        return f"{values['redirect_uri']}?{urlencode(params)}"

    def token(self, request: Request) -> tuple[int, Claims, None]:
        expected = "Basic " + base64.b64encode(b"red:red-secret").decode()
        if request.headers.get("authorization") != expected:
            return 401, {"error": "invalid_client"}, None
        if request.values["grant_type"] == "refresh_token":
            asked = self.refresh_tokens.pop(request.values["refresh_token"], None)
            self.before_refresh_response()
            return (
                (200, self.tokens(asked, nonce=None), None)
                if asked
                else (400, {"error": "invalid_grant"}, None)
            )
        asked = self.codes.pop(request.values["code"], None)
        if asked is None or asked["code_challenge"] != s256(request.values.get("code_verifier", "")):
            return 400, {"error": "invalid_grant"}, None
        return 200, self.tokens(asked, nonce=asked["nonce"]), None

    def tokens(self, asked: dict[str, str], nonce: str | None) -> Claims:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.sub,
            "aud": "red",
            "sid": self.sid,
            "iat": now,
            "exp": now + 600,
        }
        claims = self.bend_id_token({**claims, **({"nonce": nonce} if nonce else {})})
        access_token, refresh_token = secrets.token_hex(8), secrets.token_hex(8)
        self.access_tokens.add(access_token)
        self.refresh_tokens[refresh_token] = asked
        id_token = self.sign_id_token(claims) if self.sign_id_token else self.sign(claims)
        common = {"token_type": "Bearer", "expires_in": 600, "scope": asked["scope"]}
        response = {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "id_token": id_token,
            **common,
        }
        return self.bend_token_response(response)

    def userinfo(self, request: Request) -> tuple[int, Claims, None]:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.access_tokens:
            return 401, {"error": "invalid_token"}, None
        return (
            200,
            {"sub": self.userinfo_sub or self.sub, "name": "Ada Lovelace", "email": "ada@example.org"},
            None,
        )

    def requests_to(self, path: str) -> list[Request]:
        return [request for request in self.seen if request.path == path]


def s256(verifier: str) -> str:
    digest = Hash(SHA256())
    digest.update(verifier.encode())
    return base64.urlsafe_b64encode(digest.finalize()).rstrip(b"=").decode()


class FakeProviderServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.provider = FakeProvider(issuer=f"http://127.0.0.1:{self.server_port}")
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(BaseHTTPRequestHandler):
    server: FakeProviderServer

    def do_GET(self) -> None:
        self.answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def answer(self, encoded: str) -> None:
        values = {name: found[0] for name, found in parse_qs(encoded).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(urlsplit(self.path).path, values, headers)
        status, body, location = self.server.provider.respond(request)
        if status == 0:
            return
        content = json.dumps(body).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: tests tell what they saw themselves."""
