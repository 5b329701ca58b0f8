"""A registrant who registers a client, and what he may do with the token that he gets for it."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.browsers import ISSUER

# What a registrant sends at the least.
SMALLEST: dict[str, Any] = {"redirect_uris": ["https://red.test/callback"]}


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


class Registrant:
    """A client that registers itself at the registration endpoint."""

    def __init__(self, http: FlaskClient) -> None:
        self.http = http

    def register(self, token: str | None = None, **members: Any) -> TestResponse:
        return self.http.post("/register", json=SMALLEST | members, headers=bearer(token))

    def registered(self, **members: Any) -> dict[str, Any]:
        """The response to a registration that must succeed."""
        response = self.register(**members)
        assert response.status_code == 201, response.get_data(as_text=True)
        return response.json

    def read(self, made: dict[str, Any], token: str | None = None) -> TestResponse:
        return self.http.get(_path(made), headers=bearer(token or made["registration_access_token"]))

    def replace(self, made: dict[str, Any], token: str | None = None, **members: Any) -> TestResponse:
        sent = {"client_id": made["client_id"]} | SMALLEST | members
        sent = {name: value for name, value in sent.items() if value is not ...}
        given = token or made["registration_access_token"]
        return self.http.put(_path(made), json=sent, headers=bearer(given))

    def delete(self, made: dict[str, Any], token: str | None = None) -> TestResponse:
        return self.http.delete(_path(made), headers=bearer(token or made["registration_access_token"]))


def _path(made: dict[str, Any]) -> str:
    return made["registration_client_uri"].removeprefix(ISSUER)
