"""An app as the specifications describe it: it signs people in, and authenticates with its secret."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks.comparison.browser import Browser, Response

Tokens = dict[str, Any]
SCOPE = "openid profile email"


@dataclass(frozen=True)
class Metadata:
    """The endpoints, from the discovery document."""

    origin: str
    endpoints: dict[str, Any]

    @classmethod
    def discover(cls, issuer: str) -> "Metadata":
        """Read it (OpenID Connect Discovery 1.0, section 4)."""
        browser = Browser(issuer)
        response = browser.request("GET", f"{issuer}/.well-known/openid-configuration")
        browser.close()
        assert response.status == 200, response.status
        return cls(issuer, json.loads(response.body))

    def __getitem__(self, name: str) -> str:
        """Return the address of an endpoint."""
        return str(self.endpoints[name])


@dataclass(frozen=True)
class RelyingParty:
    """One app with its secret."""

    metadata: Metadata
    client_id: str
    secret: str
    redirect_uri: str

    def request(self, verifier: str, **more: str) -> str:
        """Return the address of an Authentication Request."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": SCOPE,
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | more
        return f"{self.metadata['authorization_endpoint']}?{urlencode(asked)}"

    def authorize(self, browser: Browser, verifier: str, typed: dict[str, str] | None = None) -> str:
        """Return the code for the person at a browser, who fills in the forms."""
        begun = browser.request("GET", self.request(verifier))
        ended = browser.follow(begun, self.redirect_uri, typed or {})
        asked = parse_qs(urlsplit(ended.location).query)
        assert "code" in asked, ended.location
        return asked["code"][0]

    def exchange(self, http: Browser, code: str, verifier: str) -> Tokens:
        """Exchange a code for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        return self._json(self._post(http, "token_endpoint", form))

    def refresh(self, http: Browser, refresh_token: str) -> Tokens:
        """Exchange a refresh token for new tokens."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._json(self._post(http, "token_endpoint", form))

    def introspect(self, http: Browser, token: str) -> None:
        """Introspect a token, which must be active."""
        assert self._json(self._post(http, "introspection_endpoint", {"token": token}))["active"]

    def userinfo(self, http: Browser, access_token: str) -> None:
        """Ask for the person's claims."""
        bearer = {"Authorization": f"Bearer {access_token}"}
        assert self._json(http.request("GET", self.metadata["userinfo_endpoint"], None, bearer))["sub"]

    def sign_out(self, browser: Browser, id_token: str) -> Response:
        """Sign out of the browser's session; the person confirms where that is asked."""
        asked = urlencode({"id_token_hint": id_token, "client_id": self.client_id})
        response = browser.request("GET", f"{self.metadata['end_session_endpoint']}?{asked}")
        for _ in range(4):
            if 300 <= response.status < 400:
                response = browser.request("GET", response.location)
            elif b"<form" in response.body and b"xsrf" in response.body:
                response = browser._submit(response, {"logout": "yes"})  # noqa: SLF001 – the peer's question.
            else:
                break
        assert response.status == 200, response.status
        return response

    def _post(self, http: Browser, endpoint: str, form: dict[str, str]) -> Response:
        proof = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return http.post(self.metadata[endpoint], form, {"Authorization": f"Basic {proof}"})

    @staticmethod
    def _json(response: Response) -> Tokens:
        assert response.status == 200, (response.status, response.body[:500])
        tokens: Tokens = json.loads(response.body)
        return tokens
