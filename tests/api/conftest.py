"""Ada, her browser, and red: an app of the operator's that may use the account API."""

from collections.abc import Callable

import pytest

from provider.infrastructure.database import db
from tests.factories import make_session
from tests.support.browsers import show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

SCOPE = "openid profile email offline_access account"


@pytest.fixture(autouse=True)
def keys(signing_keys):
    """There are keys that sign."""


class AccountApp(RelyingParty):
    """A relying party that calls the account API."""

    def sign_in_to_account(self, browser) -> dict:
        return self.sign_in(browser, scope="openid account")

    def call(self, method: str, path: str, token: str | None = None, **more):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.open(path, method=method, headers=headers, **more)

    def preview(self, token: str | None = None):
        return self.call("GET", "/account/sign-out-everywhere", token)

    def sign_out_everywhere(self, token: str | None = None, **more):
        return self.call("POST", "/account/sign-out-everywhere", token, **more)

    def sign_out_by_refresh_token(self, refresh_token: str, *, by: str | None = None):
        return self.post("/account/sign-out-everywhere", refresh_token=refresh_token, by=by)


@pytest.fixture
def rp(app) -> AccountApp:
    return AccountApp(app, "red", scope=SCOPE, id_token_signed_response_alg="ES256")


@pytest.fixture
def signs_in(browser, rp) -> Callable[..., dict]:
    """Signs a person in at red in a browser of their own; returns the tokens."""

    def act(account, at: AccountApp = rp) -> dict:
        # Another thread or request may have moved the account's epoch on.
        db.session.refresh(account)
        end_read()
        return at.sign_in_to_account(show_session(browser(), make_session(account)))

    return act


@pytest.fixture
def tokens(signs_in, ada) -> dict:
    """Ada's tokens at red."""
    return signs_in(ada)


@pytest.fixture
def token(tokens) -> str:
    """Ada's access token at red."""
    access_token: str = tokens["access_token"]
    return access_token
