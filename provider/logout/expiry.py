"""Expiry is an ending too: sessions that ran out are ended exactly once, and their apps are told."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select

from provider.accounts.models import Account
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.logout.end_session import end
from provider.logout.ending import Cause, LogoutOutcome
from provider.logout.models import LogoutReason
from provider.sessions.models import Session


def list_run_out(limit: int) -> Sequence[UUID]:
    """List sessions that are dead by time or by epoch and that nobody has ended yet, oldest first.

    Served by ix_session_ends_at_living.
    """
    dead = (
        select(Session.id)
        .join(Account, Account.id == Session.account_id)
        .where(Session.ended_at.is_(None))
        .where(or_(Session.ends_at <= clock.now(), Session.account_epoch < Account.epoch))
        .order_by(Session.ends_at)
        .limit(limit)
    )
    return db.session.scalars(dead).all()


def end_run_out(session_id: UUID) -> LogoutOutcome | None:
    """End one session that ran out; None when it was ended, or used again, meanwhile."""
    session = db.session.get(Session, session_id, populate_existing=True, with_for_update=True)
    if session is None or session.ended_at is not None:
        return None
    return end(session, Cause(reason=_reason(session), initiator="system"))


def _reason(session: Session) -> LogoutReason:
    if clock.now() < session.ends_at:
        # Born dead: the person signed out everywhere while it was being made.
        return LogoutReason.USER
    if session.ends_at >= session.expires_at:
        return LogoutReason.ABSOLUTE_TIMEOUT
    return LogoutReason.IDLE_TIMEOUT
