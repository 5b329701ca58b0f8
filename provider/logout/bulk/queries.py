"""Queries about bulk logouts: the rows that are revoked and not yet ended, the progress, and the reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.sql.elements import KeyedColumnElement

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.grants.queries import Wanted, grant_is_valid
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState, is_revoked_for_all
from provider.logout.models import BulkKind, BulkLogout, BulkPhase
from provider.protocol.scopes import OFFLINE_ACCESS
from provider.sessions.models import ClientSession, Session
from provider.sessions.queries import session_is_live
from provider.tokens import service

Selection = Select[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The reach of a bulk logout if it began now."""

    sessions: int
    client_sessions: int
    grants: int
    apps: int
    # Tokens that clients got for themselves, without a person.
    service_tokens: int | None = None


def find_unfinished() -> BulkLogout | None:
    """Find the bulk logout to continue: the oldest one that is neither finished nor stopped."""
    running = select(BulkLogout).where(BulkLogout.finished_at.is_(None), BulkLogout.stopped_at.is_(None))
    unfinished = running.order_by(BulkLogout.id).limit(1)
    return db.session.scalars(unfinished, execution_options={"populate_existing": True}).one_or_none()


def find(bulk_logout_id: UUID) -> BulkLogout | None:
    """Find a bulk logout, as it stands now."""
    return db.session.get(BulkLogout, bulk_logout_id, populate_existing=True)


def list_bulk_logouts(limit: int, *, after: UUID | None = None) -> list[BulkLogout]:
    """List bulk logouts, newest first; `after` is the last identifier of the page before."""
    found = select(BulkLogout).order_by(BulkLogout.id.desc()).limit(limit)
    return list(db.session.scalars(found if after is None else found.where(BulkLogout.id < after)))


def list_next(bulk: BulkLogout, limit: int) -> Sequence[UUID]:
    """List the next rows of a bulk logout's walk, which follows the order of their identifiers."""
    rows, identifier = _walk(bulk)
    if bulk.cursor is not None:
        rows = rows.where(identifier > bulk.cursor)
    return db.session.scalars(rows.order_by(identifier).limit(limit)).all()


def count_to_end(bulk: BulkLogout) -> int:
    """Count the rows that a bulk logout will visit, before its walk has begun."""
    grants = _revoked_grants(bulk)
    if bulk.phase == BulkPhase.GRANTS:
        return _count(grants)
    # A grant with a live client session ends with it, and is not visited again.
    has_client_session = exists().where(ClientSession.grant_id == Grant.id, ClientSession.ended_at.is_(None))
    return _count(grants.where(~has_client_session)) + _count(_revoked_sessions(bulk)[0])


def measure(kind: BulkKind, *, client: Client | None = None, issued_before: datetime | None = None) -> Reach:
    """Count what a bulk logout would end, without beginning one."""
    now = clock.now()
    sessions, client_sessions = _live(select(Session.id), now), _live(select(ClientSession.id), now)
    client_sessions = client_sessions.join(ClientSession, ClientSession.session_id == Session.id)
    client_sessions = client_sessions.where(ClientSession.ended_at.is_(None))
    grants = _valid_grants(now)
    if issued_before is not None:
        sessions = sessions.where(Session.created_at < issued_before)
        client_sessions = client_sessions.where(Session.created_at < issued_before)
        grants = grants.where(Grant.created_at < issued_before)
    if client is not None:
        client_sessions, grants = (
            client_sessions.where(ClientSession.client_id == client.id),
            grants.where(Client.id == client.id),
        )
    apps = db.session.scalars(select(Client).where(Client.id.in_(grants.with_only_columns(Grant.client_id))))
    return Reach(
        sessions=0 if kind is BulkKind.CLIENT else _count(sessions),
        client_sessions=_count(client_sessions),
        grants=_count(grants),
        apps=sum(bool(one.metadata_.backchannel_logout_uri) for one in apps),
        service_tokens=service.count_valid(client, issued_before=issued_before),
    )


def measure_grants(wanted: Wanted, grant_ids: Sequence[UUID] = ()) -> Reach:
    """Count what revoking these grants, or all that are wanted, would end."""
    grants = select(Grant.id).where(Grant.revoked_at.is_(None), Grant.expires_at > clock.now())
    grants = grants.where(Grant.id.in_(grant_ids)) if grant_ids else grants.where(*wanted.conditions())
    client_sessions = select(ClientSession.id).join(Session, Session.id == ClientSession.session_id)
    client_sessions = client_sessions.where(
        ClientSession.grant_id.in_(grants), ClientSession.ended_at.is_(None)
    )
    owners = select(Client).where(Client.id.in_(grants.with_only_columns(Grant.client_id)))
    return Reach(
        # The session of a device ends with its only client.
        sessions=_count(client_sessions.where(Session.is_device)),
        client_sessions=_count(client_sessions),
        grants=_count(grants),
        apps=sum(bool(one.metadata_.backchannel_logout_uri) for one in db.session.scalars(owners)),
    )


def _walk(bulk: BulkLogout) -> tuple[Selection, KeyedColumnElement[UUID]]:
    if bulk.phase == BulkPhase.SESSIONS:
        return _revoked_sessions(bulk)
    return _revoked_grants(bulk), Grant.__table__.c.id


def _revoked_sessions(bulk: BulkLogout) -> tuple[Selection, KeyedColumnElement[UUID]]:
    """Return the revoked rows that are not ended: sessions, or client sessions whose sessions continue."""
    if bulk.kind != BulkKind.CLIENT:
        sessions = select(Session.id).join(ProviderState, IS_THE_ROW)
        revoked = is_revoked_for_all(Session.provider_epoch, Session.created_at)
        return sessions.where(Session.ended_at.is_(None), revoked), Session.__table__.c.id
    client_sessions = (
        select(ClientSession.id)
        .join(Grant, Grant.id == ClientSession.grant_id)
        .join(Client, Client.id == ClientSession.client_id)
        .where(ClientSession.client_id == bulk.client_id, ClientSession.ended_at.is_(None))
        .where(Grant.client_epoch < Client.epoch)
    )
    return client_sessions, ClientSession.__table__.c.id


def _revoked_grants(bulk: BulkLogout) -> Selection:
    """Return the revoked grants that are not ended, except expired ones, of which no app is notified."""
    grants = select(Grant.id).where(Grant.revoked_at.is_(None), Grant.expires_at > bulk.at)
    match bulk.kind:
        case BulkKind.CLIENT:
            of_client = grants.join(Client, Client.id == Grant.client_id)
            return of_client.where(Grant.client_id == bulk.client_id, Grant.client_epoch < Client.epoch)
        case BulkKind.CLIENT_OFFLINE:
            stays = or_(Grant.offline, _is_of_a_staying_device())
            return grants.where(Grant.client_id == bulk.client_id, stays, Grant.created_at <= bulk.at)
    return grants.join(ProviderState, IS_THE_ROW).where(
        is_revoked_for_all(Grant.provider_epoch, Grant.created_at)
    )


def _is_of_a_staying_device() -> ColumnElement[bool]:
    """The condition that a grant is a device's, whose session lasts as long as an offline grant."""
    of_device = exists().where(
        ClientSession.grant_id == Grant.id, Session.id == ClientSession.session_id, Session.is_device
    )
    return and_((" " + Grant.scope + " ").contains(f" {OFFLINE_ACCESS} "), of_device)


def _live(rows: Selection, now: datetime) -> Selection:
    return (
        rows.select_from(Session)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, IS_THE_ROW)
        .where(session_is_live(now))
    )


def _valid_grants(now: datetime) -> Selection:
    return (
        select(Grant.id)
        .join(Account, Account.id == Grant.account_id)
        .join(Client, Client.id == Grant.client_id)
        .join(ProviderState, IS_THE_ROW)
        .where(grant_is_valid(now))
    )


def _count(rows: Selection) -> int:
    return db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0
