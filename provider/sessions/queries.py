"""Queries for sessions; whether a session is live is one condition over all levels (design §4)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, Uuid, and_, bindparam, exists, select

from provider.accounts.models import Account
from provider.clients.models import Client, OfflinePolicy
from provider.clients.queries import IS_NAMED, may_be_stored, read_by_client_id
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import NOW, Base, Instant, db
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState, is_valid_for_all
from provider.infrastructure.read_only_rows import ReadOnly, columns_of, find_one
from provider.sessions.models import ClientSession, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSession:
    """A live session with its person and, if requested, with one client's client session."""

    session: Session
    account: Account
    provider_epoch: int
    client_session: ClientSession | None = None
    grant: Grant | None = None
    # Whether a client of the session wants the person asked about its offline grant.
    asks_about_offline: bool = False


def session_is_live(now: Instant) -> ColumnElement[bool]:
    """The condition, over Session, Account and ProviderState, that a session is live."""
    return and_(
        Session.ended_at.is_(None),
        Session.ends_at > now,
        Session.account_epoch == Account.epoch,
        is_valid_for_all(Session.provider_epoch, Session.created_at),
        Account.disabled_at.is_(None),
        Account.deleted_at.is_(None),
    )


_HANDLE_DIGEST = bindparam("handle_digest", type_=String())


def _live(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Select these columns of each live session and of its account."""
    return (
        select(*columns)
        .select_from(Session)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, IS_THE_ROW)
        .where(session_is_live(NOW))
    )


_LIVE = _live(Session, Account, ProviderState.epoch)
_LIVE_BY_HANDLE = _LIVE.where(Session.handle_digest == _HANDLE_DIGEST)


def find_live(handle: str) -> FoundSession | None:
    """Find the live session of a cookie, in one statement."""
    row = _first(_LIVE_BY_HANDLE, handle_digest=digest_of(handle))
    return row and FoundSession(session=row[0], account=row[1], provider_epoch=row[2])


_ASKS_ABOUT_OFFLINE = (
    exists()
    .where(ClientSession.session_id == Session.id, ClientSession.ended_at.is_(None))
    .where(Grant.id == ClientSession.grant_id, Grant.offline, Grant.revoked_at.is_(None))
    .where(Grant.expires_at > NOW)
    .where(Client.id == Grant.client_id, Client.offline_policy == OfflinePolicy.ASK)
    .correlate(Session)
)
# What a sign-out needs to know of them.
_TO_END = ReadOnly(Session, "id", "account_id")
_OWNER = ReadOnly(Account, "id")
_OF_SID = ReadOnly(ClientSession, "id", "client_id")
_LIVE_WITH_SID = (
    _live(*columns_of(_TO_END, _OWNER), ProviderState.epoch, _ASKS_ABOUT_OFFLINE, *_OF_SID.columns)
    .outerjoin(
        ClientSession,
        and_(ClientSession.session_id == Session.id, ClientSession.sid == bindparam("sid", type_=String())),
    )
    .where(Session.handle_digest == _HANDLE_DIGEST)
)


def find_with_sid(handle: str, sid: str) -> FoundSession | None:
    """Find the live session of a cookie with the client session that a sid names, in one statement.

    The client session may have ended before the session; it still belongs to this very session. Also says
    whether a client has the policy to ask about an offline grant of this session. All are read-only rows.
    """
    row = find_one(_LIVE_WITH_SID, {"handle_digest": digest_of(handle), "sid": sid, NOW.key: clock.now()})
    if row is None:
        return None
    values = iter(row)
    return FoundSession(
        session=_TO_END.take(values),
        account=_OWNER.take(values),
        provider_epoch=next(values),
        asks_about_offline=next(values),
        client_session=_OF_SID.take_if_any(values),
    )


# The grant itself must be valid; a revoked one is not reused.
_GRANT_IS_USABLE = and_(
    Grant.id == ClientSession.grant_id,
    Grant.revoked_at.is_(None),
    Grant.expires_at > NOW,
    Grant.account_epoch == Account.epoch,
    Grant.client_epoch == Client.epoch,
    Grant.provider_epoch == ProviderState.epoch,
)
_ITS_SESSION = ReadOnly(
    Session,
    *("id", "handle_digest", "account_id", "authenticated_at", "amr", "acr"),
    *("expires_at", "consent_epoch"),
)
_ITS_ACCOUNT = ReadOnly(Account, "id", "sub", "username", "claims", "epoch", "updated_at")
_ITS_CLIENT_SESSION = ReadOnly(ClientSession, "id", "sid", "session_id", "grant_id")
_ITS_GRANT = ReadOnly(
    Grant,
    *("id", "account_id", "sub", "scope", "claims", "consented", "consented_to", "offline"),
    *("expires_at", "provider_epoch"),
)
# Columns that only authenticate a client at other endpoints, or only concern its operator or a logout, are
# left out: each column costs time at each join.
_NOT_FOR_BROWSERS = frozenset(
    {
        *("secret_digest", "secret_expires_at", "secret_last_used_at", "secret_generation"),
        *("previous_secret_digest", "previous_secret_expires_at", "previous_secret_last_used_at"),
        *("any_secret_method", "registration_token_digest", "refresh_reuse_interval"),
        *("may_exchange_tokens_of", "search_text", "recipe", "credentials_epoch", "created_at"),
        *("confirm_sign_out", "result_page", "told_of_expiry", "offline_policy", "logout_token_names"),
        *("slow", "session_lifetime", "logout_endpoint_failing"),
    }
)
_ITS_CLIENT = ReadOnly(
    Client, *(column.key for column in Client.__table__.columns if column.key not in _NOT_FOR_BROWSERS)
)
# Either there is a live session with all of this, or nothing.
_WITH_SESSION = (_ITS_SESSION, _ITS_ACCOUNT, _ITS_CLIENT_SESSION, _ITS_GRANT)
_client, _share, _grant, _session, _account, _provider = (
    Base.metadata.tables[name]
    for name in ("client", "client_session", "grant", "session", "account", "provider_state")
)
_THERE = _session.join(_account, Account.id == Session.account_id).join(_provider, IS_THE_ROW)
_SHARE_IS_LIVE = and_(
    ClientSession.session_id == Session.id,
    ClientSession.client_id == Client.id,
    ClientSession.ended_at.is_(None),
)
_CLIENT_WITH_SESSION = (
    select(*columns_of(_ITS_CLIENT), ProviderState.epoch, *columns_of(*_WITH_SESSION))
    .select_from(
        _client.outerjoin(_THERE, and_(Session.handle_digest == _HANDLE_DIGEST, session_is_live(NOW)))
        .outerjoin(_share, _SHARE_IS_LIVE)
        .outerjoin(_grant, _GRANT_IS_USABLE)
    )
    .where(IS_NAMED)
)


def read_client_with_session(client_id: str, handle: str | None) -> tuple[Client, FoundSession | None] | None:
    """Read a client and the live session of a cookie with its client session and grant, in one statement.

    All are read-only rows. None if there is no such client.
    """
    if handle is None:
        client = read_by_client_id(client_id)
        return None if client is None else (client, None)
    if not may_be_stored(client_id):
        return None
    row = find_one(
        _CLIENT_WITH_SESSION,
        {"client_id": client_id, "handle_digest": digest_of(handle), NOW.key: clock.now()},
    )
    if row is None:
        return None
    values = iter(row)
    client, provider_epoch = _ITS_CLIENT.take(values), next(values)
    session, account = _ITS_SESSION.take_if_any(values), _ITS_ACCOUNT.take_if_any(values)
    if session is None or account is None:
        return client, None
    return client, FoundSession(
        provider_epoch=provider_epoch,
        session=session,
        account=account,
        client_session=_ITS_CLIENT_SESSION.take_if_any(values),
        grant=_ITS_GRANT.take_if_any(values),
    )


def find_with_client(handle: str, client: Client) -> FoundSession | None:
    """Find the live session of a cookie with the client's client session and grant, in the same way."""
    read = read_client_with_session(client.client_id, handle)
    return read and read[1]


def find_by_sid(sid: str) -> tuple[ClientSession, Session] | None:
    """Find the client session with this sid, ended or not, with its session."""
    named = (
        select(ClientSession, Session)
        .join(Session, Session.id == ClientSession.session_id)
        .where(ClientSession.sid == sid)
    )
    row = db.session.execute(named, execution_options={"populate_existing": True}).one_or_none()
    return row and (row[0], row[1])


_LIVE_BY_ID = _LIVE.where(Session.id == bindparam("session_id", type_=Uuid()))


def find_live_by_id(session_id: UUID) -> FoundSession | None:
    """Find a session by its identifier if it is live."""
    row = _first(_LIVE_BY_ID, session_id=session_id)
    return row and FoundSession(session=row[0], account=row[1], provider_epoch=row[2])


def find(session_id: UUID) -> Session | None:
    """Find a session by its identifier, ended or not."""
    return db.session.get(Session, session_id)


def list_sessions(
    *, account_id: UUID | None = None, living: bool = True, after: UUID | None = None, limit: int = 100
) -> list[tuple[Session, Account]]:
    """List sessions, newest first; `after` is the last identifier of the page before."""
    wanted = (
        select(Session, Account)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, IS_THE_ROW)
        .order_by(Session.id.desc())
        .limit(limit)
    )
    if account_id is not None:
        wanted = wanted.where(Session.account_id == account_id)
    if living:
        wanted = wanted.where(session_is_live(clock.now()))
    if after is not None:
        wanted = wanted.where(Session.id < after)
    return [(row[0], row[1]) for row in db.session.execute(wanted)]


def list_of_client(
    client_pk: UUID, *, after: UUID | None = None, limit: int = 100
) -> list[tuple[Session, Account, UUID]]:
    """List the live sessions that a client is part of, the newest client session first, with that one's id.

    `after` is the id of the last client session of the page before. Served by
    ix_client_session_client_id_living.
    """
    wanted = (
        select(Session, Account, ClientSession.id)
        .join(ClientSession, ClientSession.session_id == Session.id)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, IS_THE_ROW)
        .where(ClientSession.client_id == client_pk, ClientSession.ended_at.is_(None))
        .where(session_is_live(clock.now()))
        .order_by(ClientSession.id.desc())
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(ClientSession.id < after)
    return [(row[0], row[1], row[2]) for row in db.session.execute(wanted)]


def list_living_of(account_id: UUID) -> list[Session]:
    """List the sessions of a person that have not ended, whatever their epochs say."""
    living = select(Session).where(Session.account_id == account_id, Session.ended_at.is_(None))
    return list(db.session.scalars(living))


def _first(statement: Select[*tuple[Any, ...]], **values: object) -> Any:
    """Run a prebuilt statement; objects that the database session already holds are refreshed."""
    values[NOW.key] = clock.now()
    return db.session.execute(statement, values, execution_options={"populate_existing": True}).one_or_none()
