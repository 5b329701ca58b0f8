"""Sign out of this browser: the central session ends with all its client sessions."""

from collections.abc import Collection
from uuid import UUID

from provider.infrastructure.database import db
from provider.logout.ending import (
    Cause,
    Ending,
    LogoutOutcome,
    conclude,
    end_client_sessions,
    revoke_grants,
)
from provider.logout.models import LogoutScope
from provider.logout.shares import Share, list_of_session
from provider.sessions import lifecycle
from provider.sessions.models import Session


def end(
    session: Session, cause: Cause, *, revoke_offline: bool = False, revoke_offline_of: Collection[UUID] = ()
) -> LogoutOutcome | None:
    """End a session at the OP and owe the news to everyone who shared it.

    Grants without offline_access go with it (backchannel §2.7); offline grants live on unless the
    client's policy or the caller says otherwise: of everybody, or of the clients with these rows.
    Returns None when somebody else ended it first: then that ending has told everybody, and doing
    it twice is harmless.
    """
    ending = Ending(
        cause=cause, scope=LogoutScope.BROWSER, account_id=session.account_id, session_id=session.id
    )
    if not lifecycle.end(session.id, logout_id=ending.logout_id, at=ending.at):
        db.session.refresh(session)
        return None
    shares = list_of_session(session.id, lock=True)
    survivors: list[Share] = []
    if not revoke_offline:
        survivors = [s for s in shares if s.survives_browser and s.client.id not in revoke_offline_of]
    return conclude(
        ending,
        shares,
        sessions_ended=1,
        client_sessions_ended=end_client_sessions(ending, shares),
        grants_revoked=revoke_grants(ending, [s for s in shares if s not in survivors]),
        survivors=survivors,
    )
