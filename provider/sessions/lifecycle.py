"""Begin, renew, touch, join and end a session."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, String, Table, Uuid, and_, bindparam, case, exists, select, update

from provider.accounts.models import Account
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import built_once, clock, current
from provider.infrastructure.database import NOW, Base, UTCDateTime, change, connection
from provider.infrastructure.one_row import change_at_commit, change_by, insert_at_commit
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id
from provider.infrastructure.provider_state import read_epoch
from provider.sessions.models import ClientSession, Session

DEVICE_LENGTH = 128
# The idle end moves in steps of this fraction of the idle lifetime, so a session may end one step early. The
# column is indexed: an update that leaves it unchanged writes only the row and no entry in the indexes of the
# table.
_STEPS = 60


def forget_machines(account_id: UUID) -> None:
    """Forget the addresses and devices of a person's sessions."""
    of_person = update(Session).where(Session.account_id == account_id)
    change(of_person.values(ip=None, device=""))


def start(
    account: Account, *, ip: str | None, device: str, amr: str, acr: str, provider_epoch: int | None = None
) -> tuple[Session, str]:
    """Begin a session for a person who has just signed in; returns it with the cookie's handle.

    The session is a read-only row, which is inserted at the commit.
    """
    now = clock.now()
    handle = new_handle()
    expires_at = now + current.settings().session_lifetime
    session = _add(
        account,
        handle_digest=digest_of(handle),
        created_at=now,
        authenticated_at=now,
        amr=amr,
        acr=acr,
        last_seen_at=now,
        expires_at=expires_at,
        ends_at=_next_end(now, expires_at),
        device=device[:DEVICE_LENGTH],
        ip=ip,
        provider_epoch=read_epoch() if provider_epoch is None else provider_epoch,
    )
    return session, handle


def start_on_device(
    account: Account,
    *,
    ip: str | None,
    device: str,
    authenticated_at: datetime,
    amr: str,
    acr: str | None,
    expires_at: datetime,
    provider_epoch: int,
) -> Session:
    """Begin the session of a device that a person allowed in a browser, where they had signed in.

    No browser holds its handle: the session is used only through its tokens, and so has no idle end.
    """
    now = clock.now()
    return _add(
        account,
        handle_digest=digest_of(new_handle()),
        created_at=now,
        authenticated_at=authenticated_at,
        amr=amr,
        acr=acr,
        last_seen_at=now,
        expires_at=expires_at,
        ends_at=expires_at,
        device=device[:DEVICE_LENGTH],
        is_device=True,
        ip=ip,
        provider_epoch=provider_epoch,
    )


def _add(account: Account, *, ip: str | None, device: str, **values: Any) -> Session:
    own = {"id": new_id(), "account_id": account.id, "account_epoch": account.epoch}
    first = {"ip": ip, "device": device, "is_device": False, "consent_epoch": 0}
    session = insert_at_commit(Session, first | own | values)
    record(
        EventTag.SESSION_STARTED,
        actor="account",
        account_id=account.id,
        session_id=session.id,
        ip=ip,
        device=session.device,
    )
    return session


def renew(session: Session, *, ip: str | None, device: str, amr: str, acr: str) -> str | None:
    """Note that the same person signed in again; returns the new handle, or None if the session has ended.

    The old handle is rejected from here on (SEC-707); the client sessions and their sids stay.
    """
    now = clock.now()
    handle = new_handle()
    renewed = (
        update(Session)
        .where(Session.id == session.id, Session.ended_at.is_(None), Session.ends_at > now)
        .values(
            handle_digest=digest_of(handle),
            authenticated_at=now,
            amr=amr,
            acr=acr,
            last_seen_at=now,
            ends_at=_next_end(now, session.expires_at),
            device=device[:DEVICE_LENGTH],
            ip=ip,
        )
    )
    if change(renewed) != 1:
        return None
    record(
        EventTag.SESSION_RENEWED,
        actor="account",
        account_id=session.account_id,
        session_id=session.id,
        ip=ip,
    )
    return handle


def touch(session: Session) -> bool:
    """Lock a live session and move its idle end, at least a step at a time; False when it has ended."""
    return change_by(_TOUCH, **_touching(session)) == 1


def note_refresh(session: Session) -> bool:
    """Move the idle end of a session whose app has refreshed its tokens; False if it was left unchanged.

    Most refreshes write nothing here. The caller holds a grant's lock, which must be taken after the
    session's lock. If another request holds the session's lock, because it uses or ends the session, this one
    does not wait and changes nothing.
    """
    now, step = clock.now(), _step()
    is_near = _next_end(now, session.expires_at) - session.ends_at < step
    if session.is_device or (is_near and now - session.last_seen_at < step):
        return False
    free = (
        select(Session.id)
        .where(Session.id == session.id, Session.ended_at.is_(None), Session.ends_at > now)
        .with_for_update(skip_locked=True, key_share=True)
    )
    used = update(Session).where(Session.id.in_(free.scalar_subquery()))
    return change(used.values(last_seen_at=now, ends_at=_next_end(now, session.expires_at))) == 1


def touch_as_decided(session: Session, client: Client, *, otherwise: Exception) -> None:
    """Touch a session at the commit if the facts behind a decision about it and a client still hold.

    The decision was made from rows that were read without a lock. In the meantime the person may have taken
    back consent, which increments the epoch in this row, or the client may have been changed.

    A grant is added to a session only behind this lock, so that no logout overlooks it (RACE-06).
    """
    seen = {"seen_consent_epoch": session.consent_epoch}
    of_client = {"client_pk": client.id, "client_epoch": client.epoch, "client_updated_at": client.updated_at}
    change_at_commit(
        _TOUCH_AS_DECIDED, otherwise=otherwise, may_stay=True, **_touching(session), **seen, **of_client
    )


def _touching(session: Session) -> dict[str, object]:
    now = clock.now()
    known = {"session_id": session.id, "seen_digest": session.handle_digest}
    next_end = _next_end(now, session.expires_at)
    return {**known, "now": now, "next_end": next_end, "nearly_next_end": next_end - _step()}


def void_decisions(account_id: UUID) -> None:
    """Void decisions under way in a person's sessions, and lock the sessions until the commit.

    A decision that is already written is found when its grant ends; a decision that is not yet written waits
    for this lock and then has to be made again. The caller holds the account's lock, under which sessions
    begin.
    """
    own = update(Session).where(Session.account_id == account_id, Session.ended_at.is_(None))
    change(own.values(consent_epoch=Session.consent_epoch + 1))


def new_sid() -> str:
    """Return a fresh `sid`: random, for one client and session, never used again (THR-21, KEY-26)."""
    return new_handle()


def join(session: Session, client: Client, grant: Grant) -> ClientSession:
    """Give a client its client session, under the sid that the grant was made with, as a row to be read only.

    It is inserted at the commit, after the session's lock (`touch_as_decided`).
    """
    now = clock.now()
    values = {
        "id": new_id(),
        "sid": grant.sid,
        "session_id": session.id,
        "client_id": client.id,
        "grant_id": grant.id,
        "created_at": now,
        "last_used_at": now,
    }
    return insert_at_commit(ClientSession, values)


def use_again(client_session: ClientSession, grant: Grant, *, otherwise: Exception) -> None:
    """Note at the commit that a client uses its client session again, under this grant, unless it has ended.

    The session's lock (`touch_as_decided`) is taken first.
    """
    used = {"client_session_id": client_session.id, "used_grant": grant.id, "now": clock.now()}
    is_same = client_session.grant_id == grant.id
    change_at_commit(_USE_AGAIN, otherwise=otherwise, may_stay=is_same, **used)


def end(session_id: UUID, *, logout_id: UUID, at: datetime) -> bool:
    """End a session; only one of any number of callers gets True, and that one notifies the clients."""
    values = {"session_id": session_id, "at": at, "logout": logout_id}
    return built_once.change(connection(), _END, values) == 1


def _next_end(now: datetime, expires_at: datetime) -> datetime:
    return min(now + current.settings().session_idle_lifetime, expires_at)


def _step() -> timedelta:
    idle_lifetime: timedelta = current.settings().session_idle_lifetime
    return idle_lifetime / _STEPS


_table: Table = Base.metadata.tables["session"]
_clients: Table = Base.metadata.tables["client"]
_NEXT_END = bindparam("next_end", type_=UTCDateTime())
_IS_NEAR = and_(
    _table.c.ends_at > bindparam("nearly_next_end", type_=UTCDateTime()), _table.c.ends_at <= _NEXT_END
)
# Built once, because each authorization and page executes it.
_TOUCH = (
    update(_table)
    .where(
        _table.c.id == bindparam("session_id", type_=Uuid()),
        _table.c.handle_digest == bindparam("seen_digest", type_=String()),
        _table.c.ended_at.is_(None),
        _table.c.ends_at > NOW,
    )
    .values(last_seen_at=NOW, ends_at=case((_IS_NEAR, _table.c.ends_at), else_=_NEXT_END))
)
_END = (
    update(_table)
    .where(_table.c.id == bindparam("session_id", type_=Uuid()), _table.c.ended_at.is_(None))
    .values(ended_at=bindparam("at", type_=UTCDateTime()), logout_id=bindparam("logout", type_=Uuid()))
)
_shares: Table = Base.metadata.tables["client_session"]
_USE_AGAIN = (
    update(_shares)
    .where(_shares.c.id == bindparam("client_session_id", type_=Uuid()), _shares.c.ended_at.is_(None))
    .values(grant_id=bindparam("used_grant", type_=Uuid()), last_used_at=NOW)
)
_CLIENT_IS_UNCHANGED = exists().where(
    _clients.c.id == bindparam("client_pk", type_=Uuid()),
    _clients.c.epoch == bindparam("client_epoch", type_=Integer()),
    _clients.c.updated_at == bindparam("client_updated_at", type_=UTCDateTime()),
    _clients.c.disabled_at.is_(None),
    _clients.c.deleted_at.is_(None),
)
_TOUCH_AS_DECIDED = _TOUCH.where(
    _table.c.consent_epoch == bindparam("seen_consent_epoch", type_=Integer()), _CLIENT_IS_UNCHANGED
)
