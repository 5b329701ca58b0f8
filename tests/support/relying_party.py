"""A relying party as the provider sees it from outside: its requests, with the secret it holds."""

import base64
import hashlib
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, make_client, secret_of
from tests.support.browsers import Page, follow, query_of

VERIFIER = "a-verifier-of-forty-three-characters-or-more-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class RelyingParty:
    """One client, made here, that asks at the endpoints."""

    def __init__(self, app: Flask, client_id: str = "red", *, public: bool = False, **made: Any) -> None:
        if public:
            made["token_endpoint_auth_method"] = "none"
        self.client = make_client(client_id, **made)
        self.client_id = client_id
        self.public = public
        self.redirect_uri = next(iter(self.client.metadata_.redirect_uris), "")
        self.http = app.test_client(use_cookies=False)

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an Authentication Request; None takes one away."""
        usual: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "the state",
            "nonce": "the nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def authorize(self, browser: FlaskClient, **changes: str | None) -> TestResponse:
        return browser.get("/authorize", query_string=self.request(**changes))

    def code(self, browser: FlaskClient, **changes: str | None) -> str:
        """The code of a person who allows what the consent page asks, where there is one."""
        response = self.authorize(browser, **changes)
        if response.headers.get("Location", "").startswith("/consent/"):
            response = press(browser, response, "allow")
        return query_of(response)["code"]

    def post(self, path: str, *, by: str | None = None, **data: str | None) -> TestResponse:
        """Post a form as this client, proven by Basic (`by` another client) or named in the form."""
        form = {name: value for name, value in data.items() if value is not None}
        if self.public:
            return self.http.post(path, data={"client_id": self.client_id} | form)
        proof = by or self.client_id
        return self.http.post(path, data=form, auth=(proof, secret_of(proof)))

    def exchange(self, code: str, /, **changes: str | None) -> TestResponse:
        usual: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
        }
        return self.post("/token", **(usual | changes))

    def sign_in(self, browser: FlaskClient, **changes: str | None) -> dict[str, Any]:
        """Tokens for the person who is signed in at the browser."""
        response = self.exchange(self.code(browser, **changes))
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.json

    def refresh(self, refresh_token: str, **changes: str | None) -> TestResponse:
        return self.post("/token", grant_type="refresh_token", refresh_token=refresh_token, **changes)

    def revoke(self, token: str, **changes: str | None) -> TestResponse:
        return self.post("/revoke", token=token, **changes)

    def introspect(self, token: str, **changes: str | None) -> dict[str, Any]:
        response = self.post("/introspect", token=token, **changes)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.json

    def userinfo(self, access_token: str) -> TestResponse:
        return self.http.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})


def type_password(browser: FlaskClient, response: TestResponse, username: str = "ada") -> TestResponse:
    """Follow to the sign-in page, sign in by form, and follow to where it leads."""
    page = Page(browser, follow(browser, response))
    assert "sign-in" in page.buttons, page.html
    return follow(browser, page.press("sign-in", username=username, password=PASSWORD))


def press(browser: FlaskClient, response: TestResponse, button: str) -> TestResponse:
    """Follow to a page, press its button, and follow to where it leads."""
    return follow(browser, Page(browser, follow(browser, response)).press(button))
