"""Ada at red, and what she may be issued there."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.sessions.models import ClientSession, Session
from provider.tokens import access, codes, refresh
from provider.tokens.id_token import SignIn
from tests.factories import SignedIn, make_session


class Issuer:
    """Issues tokens for a person at a client, for the session or as long as the grant."""

    def __init__(self, account: Account, client: Client, *, offline: bool) -> None:
        self.made = make_session(account, [client], offline=(client.client_id,) if offline else ())
        of = (
            self.made.grants[client.client_id],
            self.made.client_sessions[client.client_id],
            self.made.session,
        )
        self._of = (client, *of)
        self._about = {"scope": "openid offline_access" if offline else "openid", "offline": offline}

    def refresh_token(self, family_id: UUID | None = None, **more: Any) -> str:
        session = self.made.session
        sign_in = SignIn(auth_time=session.authenticated_at, amr="pwd", acr=None)
        with transaction():
            return refresh.issue(
                *self._of, **self._about, family_id=family_id or new_id(), sign_in=sign_in, **more
            )

    def access_token(self) -> str:
        with transaction():
            return access.issue_for_grant(*self._of, **self._about, family_id=new_id())[0]

    def code(self) -> str:
        with transaction():
            return codes.issue(
                *self._of,
                code_id=new_id(),
                redirect_uri="",
                scope="openid",
                nonce=None,
                code_challenge=None,
            )


@pytest.fixture
def issuing(turned_clock) -> Callable[..., Issuer]:
    def make(account: Account, client: Client, *, offline: bool = False) -> Issuer:
        return Issuer(account, client, offline=offline)

    return make


@pytest.fixture
def made(ada: Account, red: Client) -> SignedIn:
    """Ada's session and offline grant at red, where no column has the value that it has by default."""
    made = make_session(ada, [red], offline=("red",))
    with transaction():
        red.epoch, made.session.acr, made.session.amr = 7, "an-acr", "pwd otp"
        made.grants["red"].provider_epoch = 5
    return made


@pytest.fixture
def of(made: SignedIn, red: Client) -> tuple[Client, Grant, ClientSession, Session]:
    """The first arguments of each function that issues a token."""
    return red, made.grants["red"], made.client_sessions["red"], made.session
