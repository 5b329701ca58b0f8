"""Sign out everywhere: all sessions of a person in all browsers, all grants, all refresh tokens."""

from sqlalchemy import update

from provider.accounts.models import Account
from provider.infrastructure.database import change, db
from provider.logout.models import LogoutScope
from provider.logout.participants import list_of_account
from provider.logout.steps import (
    Cause,
    LogoutDraft,
    LogoutOutcome,
    conclude,
    end_client_sessions,
    revoke_grants,
)
from provider.sessions.models import Session


def end_everywhere(account: Account, cause: Cause) -> LogoutOutcome:
    """End everything of a person and notify every client concerned.

    The account's epoch is changed first, which locks the account's row: a concurrent sign-in or grant either
    commits before and is found here, or carries the old epoch and is already revoked.
    """
    draft = LogoutDraft(cause=cause, scope=LogoutScope.EVERYWHERE, account_id=account.id)
    change(update(Account).where(Account.id == account.id).values(epoch=Account.epoch + 1))
    db.session.refresh(account, ["epoch"])
    ended = (
        update(Session)
        .where(Session.account_id == account.id, Session.ended_at.is_(None))
        .values(ended_at=draft.at, logout_id=draft.logout_id)
    )
    sessions_ended = change(ended)
    participants = list_of_account(account.id, lock=True)
    return conclude(
        draft,
        participants,
        sessions_ended=sessions_ended,
        client_sessions_ended=end_client_sessions(draft, participants),
        grants_revoked=revoke_grants(draft, participants),
        survivors=[],
    )
