"""A sign-out by an ID Token whose session the database has lost.

A restored backup or a failover with losses takes sessions away that apps still have. Nothing of such a
session is left here, but its app's own session continues. The ID Token proves the app, the `sid` and the
person, so this app is notified of this `sid`, once, and no other app is.
"""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError

from provider.accounts.models import Account
from provider.clients.models import Client, LogoutTokenNames
from provider.grants.models import Grant
from provider.infrastructure import current
from provider.infrastructure.database import db, in_transaction
from provider.logout.hint import ProvenHint
from provider.logout.models import LogoutReason, LogoutScope
from provider.logout.notice import LogoutNotice
from provider.logout.notification.progress import find_by_result_handle
from provider.logout.steps import Cause, LogoutDraft, LogoutOutcome, conclude
from provider.sessions.models import ClientSession, Session
from provider.sessions.queries import find_by_sid


def result_handle_of(client: Client, sid: str) -> str:
    """Return the handle of the result page of such a sign-out; a repeated request gets the same."""
    return current.secret_box().lasting_token("unknown-session", f"{client.client_id}|{sid}")


def notify(hint: ProvenHint, *, ip: str | None) -> LogoutOutcome | None:
    """Enqueue the notification of the hint's `sid` for its app; None if it was already or cannot be owed."""
    if not hint.client.metadata_.backchannel_logout_uri or find_by_sid(hint.sid) is not None:
        return None
    handle = result_handle_of(hint.client, hint.sid)
    if find_by_result_handle(handle) is not None:
        return None
    account_id = _account_of(hint)
    if account_id is None or _would_end_others(hint.client, account_id):
        return None
    cause = Cause(
        reason=LogoutReason.UNKNOWN_SESSION,
        initiator="client",
        client=hint.client,
        ip=ip,
        result_handle=handle,
    )
    try:
        return in_transaction(lambda: _conclude(hint, account_id, cause))
    except IntegrityError:
        # A concurrent request has already enqueued it.
        return None


def _conclude(hint: ProvenHint, account_id: UUID, cause: Cause) -> LogoutOutcome:
    names_sid = hint.client.logout_token_names != LogoutTokenNames.SUB
    notice = LogoutNotice(
        account_id=account_id, session_id=None, sub=hint.sub, sid=hint.sid if names_sid else None
    )
    owed = notice.owed_to(hint.client.id, "unknown_session", meaningful_for=hint.client.session_lifetime)
    return conclude(
        LogoutDraft(cause=cause, scope=LogoutScope.APP, account_id=account_id),
        (),
        sessions_ended=0,
        client_sessions_ended=0,
        grants_revoked=0,
        survivors=[],
        more_owed=(owed,),
    )


def _account_of(hint: ProvenHint) -> UUID | None:
    """Return the account that the app knows by this `sub`, pairwise or not; None if it was lost as well."""
    given = select(Grant.account_id).where(Grant.client_id == hint.client.id, Grant.sub == hint.sub)
    known = db.session.scalar(given.limit(1))
    return known or db.session.scalar(select(Account.id).where(Account.sub == hint.sub))


def _would_end_others(client: Client, account_id: UUID) -> bool:
    """Return whether the token would name only `sub`, ending valid sessions (design §1: no false logout)."""
    if client.logout_token_names != LogoutTokenNames.SUB:
        return False
    living = exists().where(
        ClientSession.session_id == Session.id,
        ClientSession.client_id == client.id,
        ClientSession.ended_at.is_(None),
        Session.account_id == account_id,
        Session.ended_at.is_(None),
    )
    return bool(db.session.scalar(select(living)))
