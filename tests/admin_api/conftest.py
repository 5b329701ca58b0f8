"""Cleo, who administers with an app of the operator's, and a service that does so by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.admin_api.operation import ROOT
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.protocol.scopes import ADMIN_SCOPES
from provider.tokens import access
from tests.factories import make_account, make_session
from tests.support.browsers import show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

ALL = " ".join(ADMIN_SCOPES)


@pytest.fixture(autouse=True)
def keys(signing_keys):
    """There are keys that sign."""


class Admin:
    """A caller of the admin API with a token."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self.token = token
        self.http = app.test_client(use_cookies=False)

    def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        end_read()
        # Each request begins with a session of its own; the test's is the same for all.
        db.session.expire_all()
        proof = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "PATCH" and "json" in more:
            headers = {"Content-Type": "application/merge-patch+json"} | (headers or {})
        return self.http.open(ROOT + path, method=method, headers=proof | (headers or {}), **more)

    def get(self, path: str, code: int = 200, **query: Any) -> Any:
        """The JSON of a GET."""
        response = self.ask("GET", path, query_string=query)
        assert response.status_code == code, response.get_data(as_text=True)
        return response.json

    def post(self, path: str, body: object = None, code: int = 200, **headers: str) -> Any:
        """The JSON of a POST."""
        response = self.ask("POST", path, headers=headers, **({} if body is None else {"json": body}))
        assert response.status_code == code, response.get_data(as_text=True)
        return response.json if response.data else None

    def change(self, method: str, path: str, body: object = None, code: int = 200, **how: Any) -> Any:
        """The JSON of a PATCH, PUT or DELETE, of what is there now (`etag` of what was there before)."""
        etag = how.get("etag") or self.etag(how.get("of", path))
        more = {} if body is None else {"json": body}
        response = self.ask(method, path, headers={"If-Match": etag}, **more)
        assert response.status_code == code, response.get_data(as_text=True)
        return response.json if response.data else None

    def etag(self, path: str) -> str:
        return self.ask("GET", path).headers["ETag"]


@pytest.fixture
def tool(app) -> RelyingParty:
    """The app with which people administer."""
    return RelyingParty(app, "tool", scope=f"openid {ALL}")


@pytest.fixture
def as_person(app, browser, tool) -> Callable[..., Admin]:
    """Signs a person with a role in at the tool; the caller that the tool is then."""

    def act(account: Account, role: Role | None, scope: str = ALL) -> Admin:
        with transaction():
            db.session.get(Account, account.id).role = role
        end_read()
        ours = show_session(browser(), make_session(account))
        return Admin(app, tool.sign_in(ours, scope=f"openid {scope}")["access_token"])

    return act


@pytest.fixture
def cleo(app) -> Account:
    return make_account("cleo")


@pytest.fixture
def admin(app, tool, cleo) -> Admin:
    """Cleo, an administrator who has just signed in; her token is made without the tool's two requests."""
    scope = f"openid {ALL}"
    made = make_session(cleo, [tool.client], scope=scope)
    with transaction():
        db.session.get(Account, cleo.id).role = Role.ADMINISTRATOR
        token, _ = access.issue_for_grant(
            tool.client,
            made.grants["tool"],
            made.client_sessions["tool"],
            made.session,
            scope=scope,
            family_id=new_id(),
            offline=False,
        )
    end_read()
    return Admin(app, token)


@pytest.fixture
def as_service(app) -> Callable[..., Admin]:
    """A service with these scopes."""

    def act(scope: str = ALL, client_id: str = "robot", **more: Any) -> Admin:
        grants = ["client_credentials"]
        made = {"redirect_uris": None, "response_types": [], "backchannel_logout_uri": None}
        service = RelyingParty(app, client_id, scope=scope, grant_types=grants, **(made | more))
        response = service.post("/token", grant_type="client_credentials")
        assert response.status_code == 200, response.get_data(as_text=True)
        return Admin(app, response.json["access_token"])

    return act
