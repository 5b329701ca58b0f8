"""The live sessions of a person with the apps in them, and the valid grants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.clients.own import is_app
from provider.grants.models import Grant
from provider.grants.queries import grant_is_valid
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.sessions.models import ClientSession, Session
from provider.sessions.queries import list_sessions, session_is_live


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSession:
    """A live session with its apps, by name."""

    session: Session
    apps: tuple[Client, ...]


def list_held_sessions(account_id: UUID, *, after: UUID | None = None, limit: int = 100) -> list[HeldSession]:
    """List a person's live sessions, newest first, in two statements."""
    sessions = [session for session, _ in list_sessions(account_id=account_id, after=after, limit=limit)]
    apps = apps_of_sessions([session.id for session in sessions])
    return [HeldSession(session=session, apps=apps.get(session.id, ())) for session in sessions]


def own_first(sessions: Sequence[HeldSession], own: Session) -> list[HeldSession]:
    """Return the sessions with that of the present browser first, and the others in their order."""
    return sorted(sessions, key=lambda held: held.session.id != own.id)


def count_held_sessions(account_id: UUID) -> int:
    """Count a person's live sessions. Served by ix_session_account_id_id."""
    live = (
        select(func.count())
        .select_from(Session)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, IS_THE_ROW)
        .where(Session.account_id == account_id, session_is_live(clock.now()))
    )
    return db.session.scalar(live) or 0


def list_held_grants(
    account_id: UUID, *, after: UUID | None = None, limit: int = 100
) -> list[tuple[Grant, Client]]:
    """List a person's valid grants with their clients, newest first; `after` ends the previous page.

    Served by ix_grant_account_id_client_id.
    """
    now = clock.now()
    live = (
        select(Grant, Client)
        .join(Account, Account.id == Grant.account_id)
        .join(Client, Client.id == Grant.client_id)
        .join(ProviderState, IS_THE_ROW)
        .where(Grant.account_id == account_id, grant_is_valid(now), is_app())
        .where(or_(Grant.offline, _has_a_session(now)))
        .order_by(Grant.id.desc())
        .limit(limit)
    )
    if after is not None:
        live = live.where(Grant.id < after)
    return [(row[0], row[1]) for row in db.session.execute(live)]


def _has_a_session(now: datetime) -> ColumnElement[bool]:
    """The condition that a grant has a live client session; an online grant without one is useless."""
    return (
        exists()
        .where(
            ClientSession.grant_id == Grant.id,
            ClientSession.ended_at.is_(None),
            Session.id == ClientSession.session_id,
            and_(session_is_live(now)),
        )
        .correlate(Grant, Account, ProviderState)
    )


def apps_of_sessions(
    session_ids: Sequence[UUID], *, with_ended: bool = False
) -> dict[UUID, tuple[Client, ...]]:
    """Return the apps of each session, by name; if requested, also those whose client session has ended."""
    if not session_ids:
        return {}
    joined = (
        select(ClientSession.session_id, Client)
        .join(Client, Client.id == ClientSession.client_id)
        .where(ClientSession.session_id.in_(session_ids), is_app())
    )
    if not with_ended:
        joined = joined.where(ClientSession.ended_at.is_(None))
    found: dict[UUID, tuple[Client, ...]] = {}
    for session_id, client in db.session.execute(joined):
        found[session_id] = (*(one for one in found.get(session_id, ()) if one is not client), client)
    return {
        session_id: tuple(sorted(clients, key=lambda client: client.display_name.casefold()))
        for session_id, clients in found.items()
    }
