"""Signed access tokens: a logout cannot revoke them at an API that does not introspect them.

So the pages that ask what to end list the apps that hold such tokens, and until when these are valid.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.logout.participants import Participant
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AccessToken


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTokens:
    """Signed access tokens of one app, which an API without introspection may accept until they expire."""

    client: Client
    until: datetime


def list_elsewhere(keep: Session) -> tuple[SignedTokens, ...]:
    """List the apps with signed access tokens from the other sessions of a person."""
    participant = ClientSession.id == AccessToken.client_session_id
    held = held_until(keep.account_id, clock.now()).join(ClientSession, participant)
    return _with_clients(held.where(ClientSession.session_id != keep.id))


def list_of_participants(account_id: UUID, participants: Sequence[Participant]) -> tuple[SignedTokens, ...]:
    """List the apps with signed access tokens from these client sessions of a person."""
    ids = [participant.client_session.id for participant in participants if participant.client_session]
    if not ids:
        return ()
    held = held_until(account_id, clock.now())
    return _with_clients(held.where(AccessToken.client_session_id.in_(ids)))


def held_until(account_id: UUID, now: datetime) -> Select[UUID, datetime]:
    """Select the holders of signed access tokens of a person, and until when the last token is valid.

    Revoked tokens are included: an API that does not introspect them cannot know of the revocation. Older
    rows, which do not record whether the token is signed, are included as well.
    """
    holder = func.coalesce(AccessToken.actor_id, AccessToken.client_id)
    return (
        select(holder.label("holder_id"), func.max(AccessToken.expires_at).label("until"))
        .join(Grant, Grant.id == AccessToken.grant_id)
        .where(Grant.account_id == account_id, AccessToken.expires_at > now)
        .where(AccessToken.is_signed.is_not(False))
        .group_by(holder)
    )


def by_name(found: Iterable[tuple[Client, datetime]]) -> tuple[SignedTokens, ...]:
    """Return the apps and instants in the order of the apps' names."""
    held = [SignedTokens(client=client, until=until) for client, until in found]
    return tuple(sorted(held, key=lambda one: one.client.display_name.casefold()))


def _with_clients(held: Select[UUID, datetime]) -> tuple[SignedTokens, ...]:
    theirs = held.subquery()
    found = select(Client, theirs.c.until).join(theirs, theirs.c.holder_id == Client.id)
    return by_name((client, until) for client, until in db.session.execute(found))
