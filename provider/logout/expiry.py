"""Expiry is also a logout: expired sessions are ended exactly once, and their apps are notified.

A session can also be revoked by an epoch before it is written, if the person was still signing in when all of
their sessions, or everyone's, were ended. Each session is ended for the reason that made it invalid.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from provider.accounts.models import Account
from provider.infrastructure import built_once, clock
from provider.infrastructure.database import connection, db, is_sqlite
from provider.infrastructure.many_rows import given_ids, is_given
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState, is_revoked_for_all
from provider.infrastructure.read_only_rows import ReadOnly, columns_of
from provider.logout.end_session import end
from provider.logout.fanout import EXPIRY_REASONS
from provider.logout.models import BulkKind, BulkLogout, LogoutReason
from provider.logout.steps import Cause, LogoutOutcome
from provider.sessions.models import Session

AnySelect = Select[*tuple[Any, ...]]
_OF_SESSIONS = (BulkKind.ALL, BulkKind.ISSUED_BEFORE)
_REVOKED_FOR_ALL = is_revoked_for_all(Session.provider_epoch, Session.created_at)


class _Look(NamedTuple):
    """A session, with the facts that decide whether and why it is invalid."""

    session: Session
    bulk_logout: BulkLogout | None
    revoked_for_person: bool
    revoked_for_all: bool


def list_expired(limit: int) -> Sequence[UUID]:
    """List sessions that have expired and have not been ended yet, oldest first.

    Served by ix_session_ends_at_living.
    """
    expired = select(Session.id).where(Session.ended_at.is_(None), Session.ends_at <= clock.now())
    return db.session.scalars(expired.order_by(Session.ends_at).limit(limit)).all()


def list_already_revoked(limit: int) -> Sequence[UUID]:
    """List sessions that are revoked by an epoch and that no logout has found, oldest first.

    They were begun by requests that were under way during the logout. The query reads every live session, so
    it runs rarely; a bulk logout that is still running finds its own sessions.
    """
    at_work = exists().where(BulkLogout.finished_at.is_(None), BulkLogout.kind.in_(_OF_SESSIONS))
    already_revoked = (
        select(Session.id)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, IS_THE_ROW)
        .where(Session.ended_at.is_(None))
        .where(or_(Session.account_epoch < Account.epoch, _REVOKED_FOR_ALL), ~at_work)
    )
    return db.session.scalars(already_revoked.order_by(Session.ends_at).limit(limit)).all()


def end_invalid(session_id: UUID) -> LogoutOutcome | None:
    """End one session that has expired or is revoked; None if it has already been ended, or is valid."""
    session, cause = _look_at(session_id)
    if session is None or cause is None:
        return None
    return end(session, cause, revoke_offline=revokes_offline(cause))


def revokes_offline(cause: Cause) -> bool:
    """Return whether a session's end also revokes offline grants: revocation does, expiry does not."""
    return cause.reason not in EXPIRY_REASONS


def list_invalid(session_ids: Collection[UUID]) -> list[tuple[Session, Cause | None]]:
    """Lock those of these sessions that are not locked elsewhere, and return each with the cause of its end.

    The cause is None for a session that has already been ended, or is valid.
    """
    rows = built_once.fetch(connection(), _look_at_many(sqlite=is_sqlite()), given_ids(session_ids))
    looks = [
        _Look(_SESSION.take(values), _BULK_LOGOUT.take_if_any(values), *values) for values in map(iter, rows)
    ]
    return [(look.session, None if look.session.ended_at else _cause(look)) for look in looks]


def _look_at(session_id: UUID) -> tuple[Session | None, Cause | None]:
    """Lock a session that has not been ended; return it with the cause of its end."""
    wanted = _locked(_LOOK.where(Session.id == session_id, Session.ended_at.is_(None)))
    row = db.session.execute(wanted, execution_options={"populate_existing": True}).one_or_none()
    return (row.Session, _cause(_Look(*row))) if row else (None, None)


@cache
def _look_at_many(*, sqlite: bool) -> AnySelect:
    rows = _LOOK.with_only_columns(*columns_of(_SESSION, _BULK_LOGOUT), *_REVOKED)
    return _locked(rows.where(is_given(Session.id, sqlite=sqlite)), skip_locked=True)


def _locked(look: AnySelect, *, skip_locked: bool = False) -> AnySelect:
    return look.order_by(Session.id).with_for_update(of=Session, key_share=True, skip_locked=skip_locked)


def _cause(look: _Look) -> Cause | None:
    reason = _reason(look)
    if reason is None:
        return None
    # A session that has expired was not ended by the bulk logout.
    bulk = look.bulk_logout if reason is LogoutReason.ADMIN else None
    return Cause(
        reason=reason,
        initiator="admin" if reason is LogoutReason.ADMIN else "system",
        by=bulk.operator if bulk else None,
        in_bulk=True,
        bulk_logout_id=bulk.id if bulk else None,
    )


def _reason(look: _Look) -> LogoutReason | None:
    """Return why a session is invalid, or None."""
    session = look.session
    has_expired = session.ends_at <= clock.now()
    if look.revoked_for_all and (look.bulk_logout or not has_expired):
        return LogoutReason.ADMIN
    if has_expired:
        at_last = session.ends_at >= session.expires_at
        return LogoutReason.ABSOLUTE_TIMEOUT if at_last else LogoutReason.IDLE_TIMEOUT
    # The person signed out everywhere while the session was being created.
    return LogoutReason.USER if look.revoked_for_person else None


def _bulk_logout_of_session() -> ColumnElement[UUID]:
    """Return the bulk logout that revoked a session: the first since it began, or else the latest.

    A bulk logout does not revoke a session that expired before it began.
    """
    one = aliased(BulkLogout)
    of_sessions = or_(*(one.kind == kind for kind in _OF_SESSIONS))
    of_its_time = select(one.id).where(of_sessions, one.at < Session.ends_at).limit(1)
    first = of_its_time.where(one.at >= Session.created_at).order_by(one.at, one.id)
    latest = of_its_time.order_by(one.at.desc(), one.id.desc())
    return func.coalesce(
        first.correlate(Session).scalar_subquery(), latest.correlate(Session).scalar_subquery()
    )


_REVOKED = (
    (Session.account_epoch < Account.epoch).label("revoked_for_person"),
    func.coalesce(_REVOKED_FOR_ALL, false()).label("revoked_for_all"),
)
_LOOK = (
    select(Session, BulkLogout, *_REVOKED)
    .join(Account, Account.id == Session.account_id)
    .join(ProviderState, IS_THE_ROW)
    .outerjoin(BulkLogout, BulkLogout.id == _bulk_logout_of_session())
)
# The columns that a batch needs.
_SESSION = ReadOnly(Session, "id", "account_id", "ends_at", "expires_at", "ended_at")
_BULK_LOGOUT = ReadOnly(BulkLogout, "id", "actor_name", "actor_origin")
