"""The conditions under which tokens are valid, over every level of revocation (design §4).

Each is evaluated at an instant: a value, or a bound parameter of a prebuilt statement.
"""

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.orm import aliased

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.grants.queries import grant_is_valid
from provider.infrastructure.database import Instant
from provider.infrastructure.provider_state import is_valid_for_all
from provider.protocol.scopes import OFFLINE_ACCESS
from provider.sessions.models import ClientSession
from provider.sessions.queries import session_is_live
from provider.tokens.models import AccessToken, RefreshToken

# The service that got an access token by token exchange.
Actor = aliased(Client, name="actor")


def client_session_is_live(now: Instant) -> ColumnElement[bool]:
    """The condition, over ClientSession, Session, Account, ProviderState, that a client session is live."""
    return and_(ClientSession.ended_at.is_(None), session_is_live(now))


def token_of_grant_is_valid(token: type[AccessToken | RefreshToken], now: Instant) -> ColumnElement[bool]:
    """The condition that a token of a grant is valid, over all rows that it depends on (core §11).

    A token that was not issued with offline_access ends with its client session, whatever else the same
    client was allowed in that session.
    """
    bound = or_(outlives_session(token), client_session_is_live(now))
    return and_(is_in_force(token, now), grant_is_valid(now), bound)


def outlives_session(token: type[AccessToken | RefreshToken]) -> ColumnElement[bool]:
    """The condition, over the token and its Grant, that the token does not need its client session."""
    says_so = (" " + token.scope + " ").contains(f" {OFFLINE_ACCESS} ")
    return and_(Grant.offline, func.coalesce(token.offline, says_so))


def is_in_force(token: type[AccessToken | RefreshToken], now: Instant) -> ColumnElement[bool]:
    """The condition that a token itself is neither revoked nor expired."""
    return and_(token.revoked_at.is_(None), token.expires_at > now)


def service_token_is_valid(now: Instant) -> ColumnElement[bool]:
    """The condition, over AccessToken, Client and ProviderState, that a service token is valid."""
    return and_(
        AccessToken.grant_id.is_(None),
        is_in_force(AccessToken, now),
        _client_and_provider_are_valid(),
        _credentials_are_in_force(Client),
    )


def issuers_are_valid() -> ColumnElement[bool]:
    """The condition that any access token is valid, including service tokens."""
    return and_(issuer_is_valid(), or_(AccessToken.actor_id.is_(None), _actor_is_valid()))


def issuer_is_valid() -> ColumnElement[bool]:
    """The condition that an access token is valid, unless a service got it by token exchange."""
    return and_(
        _client_and_provider_are_valid(),
        or_(AccessToken.grant_id.is_not(None), _credentials_are_in_force(Client)),
    )


def _client_and_provider_are_valid() -> ColumnElement[bool]:
    return and_(
        Client.disabled_at.is_(None),
        Client.deleted_at.is_(None),
        AccessToken.client_epoch == Client.epoch,
        is_valid_for_all(AccessToken.provider_epoch, AccessToken.created_at),
    )


def _actor_is_valid() -> ColumnElement[bool]:
    return and_(
        Actor.disabled_at.is_(None),
        Actor.deleted_at.is_(None),
        AccessToken.actor_epoch == Actor.epoch,
        _credentials_are_in_force(Actor),
    )


def _credentials_are_in_force(holder: type[Client]) -> ColumnElement[bool]:
    """The condition that a service token was not ended with the credentials it was issued for.

    Tokens of the previous release carry no credential number: they end with the first credential that is
    withdrawn.
    """
    return func.coalesce(AccessToken.credentials_epoch, 0) == holder.credentials_epoch
