"""A stranger who registers a client, and what he may do with the token that he gets for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from provider.app import compose_house, create_app
from provider.config import Settings
from provider.infrastructure import current
from provider.infrastructure.database import db
from tests.support.browsers import ISSUER

# What a stranger sends at the least.
SMALLEST: dict[str, Any] = {"redirect_uris": ["https://red.test/callback"]}


_apps: dict[tuple[object, ...], Flask] = {}


@contextmanager
def app_of(settings: Settings) -> Iterator[Flask]:
    """A provider with these settings, made once for each kind of them, and with a house of its own."""
    kind = tuple(getattr(settings, field.name) for field in fields(settings) if field.name != "data_dir")
    app = _apps.get(kind) or _apps.setdefault(kind, create_app(settings))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    current.install(app, compose_house(settings))
    with app.app_context():
        yield app
        current.house().outbound.close()
        db.session.remove()
        db.engine.dispose()


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


class Stranger:
    """Somebody at the registration endpoint."""

    def __init__(self, http: FlaskClient) -> None:
        self.http = http

    def register(self, token: str | None = None, **members: Any) -> TestResponse:
        return self.http.post("/register", json=SMALLEST | members, headers=bearer(token))

    def registered(self, **members: Any) -> dict[str, Any]:
        """The answer to a registration that must succeed."""
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
