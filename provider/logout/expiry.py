"""Expiry is a logout too: expired sessions are ended exactly once, and their apps are notified.

A session can also be revoked by an epoch before it is written: the person was still signing in when all
their sessions, or all of all people, were ended. Each is ended for the reason that made it invalid.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from provider.accounts.models import Account
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.provider_state import ProviderState, is_revoked_for_all
from provider.logout.end_session import end
from provider.logout.ending import Cause, LogoutOutcome
from provider.logout.fanout import EXPIRY_REASONS
from provider.logout.models import BulkKind, BulkLogout, LogoutReason
from provider.sessions.models import Session

_OF_SESSIONS = (BulkKind.ALL, BulkKind.ISSUED_BEFORE)
_REVOKED_FOR_ALL = is_revoked_for_all(Session.provider_epoch, Session.created_at)


def list_expired(limit: int) -> Sequence[UUID]:
    """List sessions that have expired and have not been ended yet, oldest first.

    Served by ix_session_ends_at_living.
    """
    expired = select(Session.id).where(Session.ended_at.is_(None), Session.ends_at <= clock.now())
    return db.session.scalars(expired.order_by(Session.ends_at).limit(limit)).all()


def list_already_revoked(limit: int) -> Sequence[UUID]:
    """List sessions that are revoked by an epoch and that no logout has found, oldest first.

    They were begun by requests that were under way during the logout. It reads every live
    session, so it is asked seldom; a bulk logout that is still at work finds its own.
    """
    at_work = exists().where(BulkLogout.finished_at.is_(None), BulkLogout.kind.in_(_OF_SESSIONS))
    already_revoked = (
        select(Session.id)
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, true())
        .where(Session.ended_at.is_(None))
        .where(or_(Session.account_epoch < Account.epoch, _REVOKED_FOR_ALL), ~at_work)
    )
    return db.session.scalars(already_revoked.order_by(Session.ends_at).limit(limit)).all()


def end_invalid(session_id: UUID) -> LogoutOutcome | None:
    """End one session that has expired or is revoked; None if it has been ended meanwhile, or is valid."""
    session, reason, bulk = _look_at(session_id)
    if session is None or reason is None:
        return None
    is_revoked = reason not in EXPIRY_REASONS
    cause = Cause(
        reason=reason,
        initiator="admin" if reason is LogoutReason.ADMIN else "system",
        by=bulk.operator if bulk else None,
        in_bulk=True,
        bulk_logout_id=bulk.id if bulk else None,
    )
    # A revoked session takes its grants along; an expired one leaves offline grants alone.
    return end(session, cause, revoke_offline=is_revoked)


def _look_at(session_id: UUID) -> tuple[Session | None, LogoutReason | None, BulkLogout | None]:
    """Lock a session that has not been ended; return it, why it is invalid, and by which bulk logout."""
    by_epochs = (
        select(
            Session,
            Session.account_epoch < Account.epoch,
            func.coalesce(_REVOKED_FOR_ALL, false()),
            BulkLogout,
        )
        .join(Account, Account.id == Session.account_id)
        .join(ProviderState, true())
        .outerjoin(BulkLogout, BulkLogout.id == _bulk_logout_of_session())
        .where(Session.id == session_id, Session.ended_at.is_(None))
        .with_for_update(of=Session, key_share=True)
    )
    row = db.session.execute(by_epochs, execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        return None, None, None
    session, revoked_for_person, revoked_for_all, bulk = row
    has_expired = session.ends_at <= clock.now()
    if revoked_for_all and (bulk or not has_expired):
        return session, LogoutReason.ADMIN, bulk
    if has_expired:
        at_last = session.ends_at >= session.expires_at
        return session, LogoutReason.ABSOLUTE_TIMEOUT if at_last else LogoutReason.IDLE_TIMEOUT, None
    # The person signed out everywhere while it was being made.
    return session, LogoutReason.USER if revoked_for_person else None, None


def _bulk_logout_of_session() -> ColumnElement[UUID]:
    """Return the bulk logout that revoked a session: the first since it began, or else the latest.

    A bulk logout does not revoke a session that expired before it began.
    """
    one = aliased(BulkLogout)
    of_its_time = select(one.id).where(one.kind.in_(_OF_SESSIONS), one.at < Session.ends_at).limit(1)
    first = of_its_time.where(one.at >= Session.created_at).order_by(one.at, one.id)
    latest = of_its_time.order_by(one.at.desc(), one.id.desc())
    return func.coalesce(
        first.correlate(Session).scalar_subquery(), latest.correlate(Session).scalar_subquery()
    )
