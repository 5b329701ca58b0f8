"""Ada, her browser with a session, and red, which signs her in."""

import pytest
from sqlalchemy import update

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.infrastructure.provider_state import ProviderState
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_session
from tests.support.browsers import show_session
from tests.support.relying_party import RelyingParty

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture(autouse=True)
def keys(signing_keys):
    """There are keys that sign, in every test of an endpoint."""


@pytest.fixture
def signed_in(http, ada):
    """Ada's browser, in which she has signed in at no app yet."""
    return show_session(http, make_session(ada))


@pytest.fixture
def rp(app):
    return RelyingParty(app, "red")


class Story:
    """Ada is signed in at her browser, red has signed her in, and something ends."""

    def __init__(self, rp, browser, account, made) -> None:
        self.rp, self.browser, self.account, self.made = rp, browser, account, made
        self.now = clock.now()

    def lives(self, tokens) -> bool:
        """Return whether an access token is accepted; both who can tell must agree."""
        said = self.rp.userinfo(tokens["access_token"]).status_code == 200
        if self.rp.client.disabled_at is None:
            assert self.rp.introspect(tokens["access_token"])["active"] == said
        return said

    def end_session(self) -> None:
        with transaction():
            assert end(self.made.session, BY_ADA)

    def end_everywhere(self) -> None:
        with transaction():
            end_everywhere(self.account, BY_ADA)

    def set(self, model, **values) -> None:
        with transaction():
            assert change(update(model).values(**values)) == 1

    def set_account(self, **values) -> None:
        self.set(Account, **values)

    def set_client(self, **values) -> None:
        self.set(Client, **values)

    def set_provider(self, **values) -> None:
        self.set(ProviderState, **values)


@pytest.fixture
def story(http, rp, ada):
    made = make_session(ada)
    return Story(rp, show_session(http, made), ada, made)
