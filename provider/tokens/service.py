"""Service tokens: what clients got for themselves (rfc6749 §4.4), as an operator sees and ends them.

They have neither grant nor session, so no sign-out ends them: they end with their client, its credentials or
all tokens of the provider, or when an operator revokes them.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, update

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import change, db
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.sessions.models import ClientSession, Session
from provider.tokens.conditions import (
    Actor,
    is_in_force,
    issuers_are_valid,
    service_token_is_valid,
    token_of_grant_is_valid,
)
from provider.tokens.models import AccessToken


class UnknownToken(LookupError):
    """There is no such service token, or it is no longer valid."""


def list_valid(
    client: Client | None, *, after: UUID | None = None, limit: int
) -> list[tuple[AccessToken, Client]]:
    """List the valid service tokens of one client or of all, newest first; `after` ends the page before."""
    newest = _valid(client).order_by(AccessToken.id.desc()).limit(limit)
    if after is not None:
        newest = newest.where(AccessToken.id < after)
    return [(row[0], row[1]) for row in db.session.execute(newest)]


def count_valid(client: Client | None = None, *, issued_before: datetime | None = None) -> int:
    """Count the valid service tokens of one client or of all."""
    valid = _valid(client)
    if issued_before is not None:
        valid = valid.where(AccessToken.created_at < issued_before)
    return (
        db.session.scalar(
            select(func.count()).select_from(valid.with_only_columns(AccessToken.id).subquery())
        )
        or 0
    )


def revoke(token_id: UUID) -> Client:
    """Revoke one service token and return its client. Raises UnknownToken."""
    row = db.session.execute(_valid().where(AccessToken.id == token_id)).one_or_none()
    if row is None or not _revoke([token_id]):
        raise UnknownToken(f"there is no valid service token {token_id}")
    client: Client = row[1]
    return client


def revoke_all(client: Client) -> int:
    """Revoke every service token of a client; returns how many that were."""
    return _revoke(list(db.session.scalars(_valid(client).with_only_columns(AccessToken.id))))


def _valid(client: Client | None = None) -> Select[AccessToken, Client]:
    valid = (
        select(AccessToken, Client)
        .join(Client, Client.id == AccessToken.client_id)
        .join(ProviderState, IS_THE_ROW)
        .where(service_token_is_valid(clock.now()))
    )
    return valid if client is None else valid.where(AccessToken.client_id == client.id)


def _revoke(token_ids: list[UUID]) -> int:
    valid = update(AccessToken).where(AccessToken.id.in_(token_ids), AccessToken.revoked_at.is_(None))
    return change(valid.values(revoked_at=clock.now()))


def list_acting_for(account_id: UUID, *, limit: int) -> list[tuple[AccessToken, Client, Client]]:
    """List the tokens that services took in exchange to act for a person (rfc8693), newest first.

    Each with the service and the client whose token it presented. Served by ix_access_token_grant_id.
    """
    acting = (
        select(AccessToken, Actor, Client)
        .join(Grant, Grant.id == AccessToken.grant_id)
        .join(Account, Account.id == Grant.account_id)
        .join(ClientSession, ClientSession.id == AccessToken.client_session_id)
        .join(Session, Session.id == ClientSession.session_id)
        .join(Client, Client.id == AccessToken.client_id)
        .join(Actor, Actor.id == AccessToken.actor_id)
        .join(ProviderState, IS_THE_ROW)
        .where(Grant.account_id == account_id, is_in_force(AccessToken, clock.now()))
        .where(issuers_are_valid(), token_of_grant_is_valid(AccessToken, clock.now()))
        .order_by(AccessToken.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in db.session.execute(acting)]
