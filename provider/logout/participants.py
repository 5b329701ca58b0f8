"""The participants of a logout: clients with the client sessions and grants that it would end.

With `lock` the rows stay as they were read until the transaction ends. A logout needs that: the second of two
concurrent logouts finds only what the first has left, and no client is notified twice of the same client
session (RACE-04, RACE-08). A preview locks nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, exists, select

from provider.clients.models import Client, OfflinePolicy
from provider.grants.models import Grant
from provider.infrastructure import built_once, clock
from provider.infrastructure.database import Base, connection, db, is_sqlite
from provider.infrastructure.many_rows import given_ids, is_among, is_given
from provider.infrastructure.read_only_rows import ReadOnly, columns_of
from provider.sessions.models import ClientSession, Session

# Rows that were read before are read again.
_AS_IT_IS = {"populate_existing": True}
AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One client's part of a logout: its client session, or an offline grant that outlived one."""

    client: Client
    grant: Grant
    client_session: ClientSession | None
    # Whether the client is the only one of a device's session, which ends with it (rfc8628).
    is_device: bool = False

    @property
    def sid(self) -> str:
        """The sid by which the client knows the client session or grant."""
        return self.client_session.sid if self.client_session else self.grant.sid

    @property
    def has_address(self) -> bool:
        """Whether the client can be notified."""
        return bool(self.client.metadata_.backchannel_logout_uri)

    @property
    def has_valid_grant(self) -> bool:
        """Whether the grant is neither revoked nor expired; a client session may outlive its grant."""
        return self.grant.revoked_at is None and self.grant.expires_at > clock.now()

    @property
    def survives_app(self) -> bool:
        """Whether the grant stays when only this client session ends (design §3)."""
        return self.grant.offline and self.has_valid_grant

    @property
    def survives_browser(self) -> bool:
        """Whether the grant stays when only the browser's session ends (design §3)."""
        return self.survives_app and self.client.offline_policy != OfflinePolicy.REVOKE

    @property
    def asks_about_offline(self) -> bool:
        """Whether the person is asked if the grant should stay."""
        return self.survives_browser and self.client.offline_policy == OfflinePolicy.ASK


def list_of_session(session_id: UUID, *, lock: bool) -> list[Participant]:
    """List the participants of one session."""
    return _list_client_sessions(ClientSession.session_id == session_id, lock=lock)


def lock_of_session(session_id: UUID) -> list[Participant]:
    """Lock the participants of one session, and return them as read-only rows."""
    found = map(iter, built_once.fetch(connection(), _LOCKED_OF_SESSION, {"session_id": session_id}))
    return [
        Participant(**{name: part.take(values) for name, part in _READ.items()}, is_device=next(values))
        for values in found
    ]


def lock_of_sessions(session_ids: Collection[UUID]) -> dict[UUID, list[Participant]]:
    """Lock the participants of many sessions, and return them by session."""
    found: dict[UUID, list[Participant]] = {}
    for client_session, one in _lock_many(ClientSession.session_id, session_ids, live=True):
        found.setdefault(client_session.session_id, []).append(one)
    return found


def lock_free_client_sessions(client_session_ids: Collection[UUID]) -> dict[UUID, list[Participant]]:
    """Lock those of these client sessions that are not locked elsewhere; return the participants of each.

    A client session that has ended in the meantime has none.
    """
    rows = _lock_many(ClientSession.id, client_session_ids, live=False, skip_locked=True)
    return {client_session.id: [one] if client_session.is_live else [] for client_session, one in rows}


def lock_free_grants(grant_ids: Collection[UUID], as_of: datetime) -> dict[UUID, list[Participant]]:
    """Do the same for grants: with their live client sessions, or on their own.

    A revoked grant has no participants, nor has a grant without a session that had expired at `as_of`.
    """
    wanted = select(Grant).where(is_among(Grant.id, grant_ids)).order_by(Grant.id)
    grants = db.session.scalars(_locked(wanted, Grant, skip_locked=True), execution_options=_AS_IT_IS).all()
    found: dict[UUID, list[Participant]] = {one.id: [] for one in grants}
    valid = [one for one in grants if one.revoked_at is None]
    for _, one in _lock_many(ClientSession.grant_id, [grant.id for grant in valid], live=True):
        found[one.grant.id].append(one)
    alone = [grant for grant in valid if not found[grant.id] and grant.expires_at > as_of]
    clients = _read_clients(grant.client_id for grant in alone)
    for grant in alone:
        found[grant.id].append(Participant(client=clients[grant.client_id], grant=grant, client_session=None))
    return found


def lock_free_devices(participants: Iterable[Participant]) -> dict[UUID, bool]:
    """Lock the sessions of devices that are not locked elsewhere, and return whether each is live."""
    ids = [one.client_session.session_id for one in participants if one.is_device and one.client_session]
    if not ids:
        return {}
    wanted = select(Session.id, Session.ended_at).where(is_among(Session.id, ids)).order_by(Session.id)
    rows = db.session.execute(_locked(wanted, Session, skip_locked=True))
    return {row.id: row.ended_at is None for row in rows}


def list_of_client_session(client_session_id: UUID, *, lock: bool) -> list[Participant]:
    """Return the one participant with this live client session, if there is one."""
    return _list_client_sessions(ClientSession.id == client_session_id, lock=lock)


def list_of_grant(grant: Grant, *, lock: bool, as_of: datetime | None = None) -> list[Participant]:
    """Return the one participant with this grant: with its live client session, or without one.

    A grant without a session that had expired at `as_of` (now by default) has no participant.
    """
    in_a_session = _list_client_sessions(ClientSession.grant_id == grant.id, lock=lock)
    if in_a_session or grant.expires_at <= (as_of or clock.now()):
        return in_a_session
    return [Participant(client_session=None, client=db.session.get_one(Client, grant.client_id), grant=grant)]


def list_of_account(account_id: UUID, *, lock: bool) -> list[Participant]:
    """List the participants of all of a person's sessions, and those with an offline grant on its own."""
    sessions = select(Session.id).where(Session.account_id == account_id)
    return [
        *_list_client_sessions(ClientSession.session_id.in_(sessions), lock=lock),
        *_list_grants_alone(account_id, lock=lock),
    ]


def list_of_others(account_id: UUID, keep: Session, *, lock: bool) -> list[Participant]:
    """List the same, except those of one session and those whose grants began in it."""
    begun_here = exists().where(ClientSession.grant_id == Grant.id, ClientSession.session_id == keep.id)
    return [
        *list_in_other_sessions(account_id, keep, lock=lock),
        *_list_grants_alone(account_id, ~begun_here, lock=lock),
    ]


def list_in_other_sessions(account_id: UUID, keep: Session, *, lock: bool) -> list[Participant]:
    """List the participants of every session of a person but one."""
    others = select(Session.id).where(Session.account_id == account_id, Session.id != keep.id)
    return _list_client_sessions(ClientSession.session_id.in_(others), lock=lock)


def _list_client_sessions(condition: ColumnElement[bool], *, lock: bool) -> list[Participant]:
    living = (
        select(ClientSession, Client, Grant, Session.is_device)
        .join(Session, Session.id == ClientSession.session_id)
        .join(Client, Client.id == ClientSession.client_id)
        .join(Grant, Grant.id == ClientSession.grant_id)
        .where(condition, ClientSession.ended_at.is_(None))
        .order_by(ClientSession.id)
    )
    wanted = _locked(living, Grant, ClientSession) if lock else living
    rows = db.session.execute(wanted, execution_options={"populate_existing": True})
    return [Participant(client_session=row[0], client=row[1], grant=row[2], is_device=row[3]) for row in rows]


def _lock_many(
    column: Any, ids: Iterable[UUID], *, live: bool, skip_locked: bool = False
) -> list[tuple[ClientSession, Participant]]:
    """Lock many participants with their client sessions; each client is read once, not with every row."""
    statement = _many(column, live=live, skip_locked=skip_locked, sqlite=is_sqlite())
    rows = list(map(iter, built_once.fetch(connection(), statement, given_ids(ids))))
    found = [(_OF_MANY.take(values), _READ["grant"].take(values), next(values)) for values in rows]
    clients = _read_clients(share.client_id for share, _, _ in found)
    return [
        (
            share,
            Participant(
                client=clients[share.client_id], grant=grant, client_session=share, is_device=is_device
            ),
        )
        for share, grant, is_device in found
    ]


@cache
def _many(column: Any, *, live: bool, skip_locked: bool, sqlite: bool) -> Select[Any]:
    parts = (
        select(*columns_of(_OF_MANY, _READ["grant"]), Session.is_device)
        .select_from(ClientSession)
        .join(Session, Session.id == ClientSession.session_id)
        .join(Grant, Grant.id == ClientSession.grant_id)
        .where(is_given(column, sqlite=sqlite))
        .order_by(ClientSession.id)
    )
    wanted = parts.where(ClientSession.ended_at.is_(None)) if live else parts
    return _locked(wanted, Grant, ClientSession, skip_locked=skip_locked)


def _read_clients(client_ids: Iterable[UUID]) -> dict[UUID, Client]:
    wanted = select(Client).where(Client.id.in_(set(client_ids)))
    return {one.id: one for one in db.session.scalars(wanted, execution_options=_AS_IT_IS)}


def _list_grants_alone(
    account_id: UUID, *conditions: ColumnElement[bool], lock: bool
) -> Sequence[Participant]:
    in_a_session = exists().where(ClientSession.grant_id == Grant.id, ClientSession.ended_at.is_(None))
    alone = (
        select(Grant, Client)
        .join(Client, Client.id == Grant.client_id)
        .where(
            Grant.account_id == account_id,
            Grant.revoked_at.is_(None),
            Grant.expires_at > clock.now(),
            ~in_a_session,
            *conditions,
        )
        .order_by(Grant.id)
    )
    wanted = _locked(alone, Grant) if lock else alone
    rows = db.session.execute(wanted, execution_options={"populate_existing": True})
    return [Participant(client_session=None, client=row[1], grant=row[0]) for row in rows]


def _locked(statement: AnySelect, *tables: type[Base], skip_locked: bool = False) -> AnySelect:
    # The grant comes first, as in `grants.queries.lock`.
    return statement.with_for_update(of=tables, key_share=True, skip_locked=skip_locked)


# The columns of a participant that a logout needs.
_READ: dict[str, ReadOnly[Any]] = {
    "client_session": ReadOnly(ClientSession, "id", "session_id", "sid"),
    "client": ReadOnly(
        Client,
        *("id", "client_id", "registered", "offline_policy", "logout_token_names"),
        *("session_lifetime", "told_of_expiry"),
    ),
    "grant": ReadOnly(Grant, "id", "account_id", "sub", "sid", "offline", "expires_at", "revoked_at"),
}
_LOCKED_OF_SESSION = _locked(
    select(*columns_of(*_READ.values()), Session.is_device)
    .select_from(ClientSession)
    .join(Session, Session.id == ClientSession.session_id)
    .join(Client, Client.id == ClientSession.client_id)
    .join(Grant, Grant.id == ClientSession.grant_id)
    .where(ClientSession.session_id == bindparam("session_id"), ClientSession.ended_at.is_(None))
    .order_by(ClientSession.id),
    Grant,
    ClientSession,
)
# For many participants at once; also shows whether each client session is live.
_OF_MANY = ReadOnly(ClientSession, "id", "session_id", "client_id", "sid", "ended_at")
