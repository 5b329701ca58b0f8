"""The caller of the account API: a person, through an app that may act on the person's sessions."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from flask import request

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.logout.ending import Cause
from provider.logout.models import LogoutReason
from provider.protocol.errors import InsufficientScope, InvalidToken, MissingSession
from provider.protocol.scopes import ACCOUNT
from provider.sessions.models import Session
from provider.tokens.liveness import LiveAccessToken
from provider.web.access_token import shown_token
from provider.web.addresses import client_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person with the app that speaks for them, proven by a token that lives."""

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
        """Return why something ends that this caller wants ended."""
        return Cause(reason=reason, initiator="account", client=self.client, ip=client_address())


def authenticate() -> Caller:
    """Return who calls, in one statement. Raises MissingSession, InvalidToken or InsufficientScope."""
    shown = shown_token(request)
    if shown is None:
        raise MissingSession("an access token is required")
    found = shown.find()
    if found is None:
        raise dead_session()
    return caller_of(found)


def caller_of(found: LiveAccessToken) -> Caller:
    """Return whom a living access token stands for."""
    check_scope(found.holder, found.token.scope.split())
    if found.grant is None or found.account is None or found.session is None:
        raise no_right()
    return Caller(account=found.account, client=found.holder, grant=found.grant, session=found.session)


def check_scope(client: Client, scopes: Collection[str]) -> None:
    """Refuse a token without the scope, and a client that has lost the right to it since (SEC-802)."""
    if ACCOUNT not in scopes or not client.may_use_account_api:
        raise no_right()


def dead_session() -> InvalidToken:
    """Return the one answer to every token that is unknown, expired or revoked."""
    return InvalidToken("Invalid or expired session")


def no_right() -> InsufficientScope:
    """Return the answer to a good token that is not good for this."""
    return InsufficientScope(f"the scope {ACCOUNT} is required", scope=ACCOUNT)
