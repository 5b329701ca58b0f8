"""The caller of the account API: a person, through an app that may act on the person's sessions."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from flask import request

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.protocol.errors import InsufficientScope, InvalidToken, MissingSession
from provider.protocol.scopes import ACCOUNT
from provider.sessions.models import Session
from provider.tokens.liveness import LiveAccessToken
from provider.web.access_token import presented_token
from provider.web.addresses import client_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person and the app that acts for them, proven by a live token."""

    account: Account
    client: Client
    grant: Grant
    # The session in which the token was issued; it may have ended before an offline grant.
    session: Session

    @property
    def session_id(self) -> UUID:
        """The caller's own session."""
        return self.session.id

    def cause(self, reason: LogoutReason = LogoutReason.USER) -> Cause:
        """Return the cause of a logout that this caller requests."""
        return Cause(reason=reason, initiator="account", client=self.client, ip=client_address())


def authenticate() -> Caller:
    """Return the caller, in one statement. Raises MissingSession, InvalidToken or InsufficientScope."""
    shown = presented_token(request)
    if shown is None:
        raise MissingSession("an access token is required")
    found = shown.find()
    if found is None:
        raise invalid_session()
    return caller_of(found)


def caller_of(found: LiveAccessToken) -> Caller:
    """Return the caller of a live access token."""
    check_scope(found.holder, found.token.scope.split())
    if found.grant is None or found.account is None or found.session is None:
        raise missing_scope()
    return Caller(account=found.account, client=found.holder, grant=found.grant, session=found.session)


def check_scope(client: Client, scopes: Collection[str]) -> None:
    """Raise InsufficientScope if the scope is missing, or the client has lost the right to it (SEC-802)."""
    if ACCOUNT not in scopes or not client.may_use_account_api:
        raise missing_scope()


def invalid_session() -> InvalidToken:
    """Return the error for every token that is unknown, expired or revoked."""
    return InvalidToken("Invalid or expired session")


def missing_scope() -> InsufficientScope:
    """Return the error for a valid token that does not give access to the API."""
    return InsufficientScope(f"the scope {ACCOUNT} is required", scope=ACCOUNT)
