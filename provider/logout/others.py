"""Sign out everywhere but here: a person's other sessions end, with the grants given in them."""

from sqlalchemy import select, update

from provider.accounts.models import Account
from provider.infrastructure.database import change, db
from provider.logout.models import LogoutScope
from provider.logout.participants import list_in_other_sessions, list_of_others
from provider.logout.steps import (
    Cause,
    LogoutDraft,
    LogoutOutcome,
    conclude,
    end_client_sessions,
    revoke_grants,
)
from provider.sessions.models import Session


def end_others(account: Account, keep: Session, cause: Cause, *, keep_offline: bool = False) -> LogoutOutcome:
    """End everything of a person but one session, and notify every client concerned.

    Offline grants are revoked as well, unless they were given in the kept session (design §3). With
    `keep_offline` each other session ends as by its own sign-out, and offline grants stay.

    The account's row is locked first: a concurrent sign-in either commits before and is found here, or sees
    what this transaction has changed. The epoch is not changed, because the kept session carries it.
    """
    draft = LogoutDraft(cause=cause, scope=LogoutScope.OTHERS, account_id=account.id)
    # The lock is no stronger than that of an update: other logouts hold rows that we want, and refer to the
    # account.
    the_row = select(Account.id).where(Account.id == account.id)
    db.session.execute(the_row.with_for_update(key_share=True))
    others = (
        update(Session)
        .where(Session.account_id == account.id, Session.id != keep.id, Session.ended_at.is_(None))
        .values(ended_at=draft.at, logout_id=draft.logout_id)
    )
    sessions_ended = change(others)
    list_participants = list_in_other_sessions if keep_offline else list_of_others
    participants = list_participants(account.id, keep, lock=True)
    survivors = [participant for participant in participants if keep_offline and participant.survives_browser]
    return conclude(
        draft,
        participants,
        sessions_ended=sessions_ended,
        client_sessions_ended=end_client_sessions(draft, participants),
        grants_revoked=revoke_grants(
            draft, [participant for participant in participants if participant not in survivors]
        ),
        survivors=survivors,
    )
