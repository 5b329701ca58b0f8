"""The apps of a person: where each is signed in, and until when it may act offline."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.clients.own import is_app
from provider.grants.models import Grant
from provider.grants.queries import grant_is_valid
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.sessions.models import ClientSession, Session
from provider.sessions.queries import session_is_live


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldApp:
    """One app with valid grants, however many."""

    client: Client
    # The number of live sessions in other browsers, and on devices.
    elsewhere: int = 0
    devices: int = 0
    # Until when it may act while the person is away.
    offline_until: datetime | None = None


def list_held_apps(own: Session, *, after: UUID | None = None, limit: int = 100) -> list[HeldApp]:
    """List the apps of a session's person, in order of registration, in one statement.

    `after` is the client of the previous entry. Served by ix_grant_account_id_client_id.
    """
    now = clock.now()
    elsewhere = func.count(Session.id).filter(Session.id != own.id, ~Session.is_device)
    devices = func.count(Session.id).filter(Session.is_device)
    offline_until = func.max(case((Grant.offline, Grant.expires_at)))
    of_grant = and_(ClientSession.grant_id == Grant.id, ClientSession.ended_at.is_(None))
    held = (
        select(Client, elsewhere, devices, offline_until)
        .join(Grant, Grant.client_id == Client.id)
        .join(Account, Account.id == Grant.account_id)
        .join(ProviderState, IS_THE_ROW)
        .outerjoin(ClientSession, of_grant)
        .outerjoin(Session, and_(Session.id == ClientSession.session_id, session_is_live(now)))
        .where(Grant.account_id == own.account_id, grant_is_valid(now), is_app())
        .group_by(Client.id)
        .having(or_(func.count(Session.id) > 0, offline_until.is_not(None)))
        .order_by(Client.id)
        .limit(limit)
    )
    if after is not None:
        held = held.where(Client.id > after)
    rows = db.session.execute(held)
    return [HeldApp(client=row[0], elsewhere=row[1], devices=row[2], offline_until=row[3]) for row in rows]
