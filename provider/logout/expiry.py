"""Expiry is a logout too: sessions that ran out are ended exactly once, and their apps are notified.

A session can also be dead by a number: somebody was still signing in when everything of theirs, or
of everybody, was ended. Each is ended for the reason that it died of.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from provider.accounts.models import Account
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.provider_state import ProviderState, dead_for_all
from provider.logout.end_session import end
from provider.logout.ending import Cause, LogoutOutcome
from provider.logout.fanout import EXPIRY_REASONS
from provider.logout.models import BulkKind, BulkLogout, LogoutReason
from provider.sessions.models import Session

_OF_SESSIONS = (BulkKind.ALL, BulkKind.ISSUED_BEFORE)
_DEAD_FOR_ALL = dead_for_all(Session.provider_epoch, Session.created_at)


def list_run_out(limit: int) -> Sequence[UUID]:
    """List sessions whose time has run out and that have not been ended yet, oldest first.

    Served by ix_session_ends_at_living.
    """
    run_out = select(Session.id).where(Session.ended_at.is_(None), Session.ends_at <= clock.now())
    return db.session.scalars(run_out.order_by(Session.ends_at).limit(limit)).all()


def list_born_dead(limit: int) -> Sequence[UUID]:
    """List sessions that are dead by a number and that no logout has found, oldest first.

    They were begun by requests that were under way during the logout. It reads every living
    session, so it is asked seldom; a bulk logout that is still at work finds its own.
    """
    at_work = exists().where(BulkLogout.finished_at.is_(None), BulkLogout.kind.in_(_OF_SESSIONS))
    born_dead = (
        select(Session.id)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, true())
        .where(Session.ended_at.is_(None))
        .where(or_(Session.account_epoch < Account.epoch, _DEAD_FOR_ALL), ~at_work)
    )
    return db.session.scalars(born_dead.order_by(Session.ends_at).limit(limit)).all()


def end_dead(session_id: UUID) -> LogoutOutcome | None:
    """End one session that is dead; None when it has been ended meanwhile, or lives after all."""
    session, reason, bulk = _look_at(session_id)
    if session is None or reason is None:
        return None
    by_number = reason not in EXPIRY_REASONS
    cause = Cause(
        reason=reason,
        initiator="admin" if reason is LogoutReason.ADMIN else "system",
        by=bulk.operator if bulk else None,
        in_bulk=True,
        bulk_logout_id=bulk.id if bulk else None,
    )
    # What is dead by a number takes its grants along; what merely ran out leaves offline ones alone.
    return end(session, cause, revoke_offline=by_number)


def _look_at(session_id: UUID) -> tuple[Session | None, LogoutReason | None, BulkLogout | None]:
    """Lock a session that has not been ended; return why it is dead, and the bulk logout that it died of."""
    numbers = (
        select(
            Session, Session.account_epoch < Account.epoch, func.coalesce(_DEAD_FOR_ALL, false()), BulkLogout
        )
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, true())
        .outerjoin(BulkLogout, BulkLogout.id == _bulk_logout_of_session())
        .where(Session.id == session_id, Session.ended_at.is_(None))
        .with_for_update(of=Session, key_share=True)
    )
    row = db.session.execute(numbers, execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        return None, None, None
    session, dead_for_person, dead_for_all_, bulk = row
    ran_out = session.ends_at <= clock.now()
    if dead_for_all_ and (bulk or not ran_out):
        return session, LogoutReason.ADMIN, bulk
    if ran_out:
        at_last = session.ends_at >= session.expires_at
        return session, LogoutReason.ABSOLUTE_TIMEOUT if at_last else LogoutReason.IDLE_TIMEOUT, None
    # The person signed out everywhere while it was being made.
    return session, LogoutReason.USER if dead_for_person else None, None


def _bulk_logout_of_session() -> ColumnElement[UUID]:
    """Return the bulk logout that a session died of: the first since it began, or else the latest.

    A session that ran out before a bulk logout began did not die of it.
    """
    one = aliased(BulkLogout)
    in_life = select(one.id).where(one.kind.in_(_OF_SESSIONS), one.at < Session.ends_at).limit(1)
    first = in_life.where(one.at >= Session.created_at).order_by(one.at, one.id)
    latest = in_life.order_by(one.at.desc(), one.id.desc())
    return func.coalesce(
        first.correlate(Session).scalar_subquery(), latest.correlate(Session).scalar_subquery()
    )
