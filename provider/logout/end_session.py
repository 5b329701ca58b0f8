"""Sign out of this browser: the central session ends with all its client sessions."""

from collections.abc import Collection
from uuid import UUID

from provider.logout.models import LogoutScope
from provider.logout.participants import Participant, lock_of_session
from provider.logout.steps import (
    Cause,
    LogoutDraft,
    LogoutOutcome,
    conclude,
    end_client_sessions,
    revoke_grants,
)
from provider.sessions import lifecycle
from provider.sessions.models import Session


def end(
    session: Session, cause: Cause, *, revoke_offline: bool = False, revoke_offline_of: Collection[UUID] = ()
) -> LogoutOutcome | None:
    """End a session at the OP and owe a notification to each of its clients.

    Grants without offline_access end with it (backchannel §2.7); offline grants stay unless the client's
    policy says otherwise, or the caller revokes those of all clients (`revoke_offline`) or of some
    (`revoke_offline_of`). Returns None if it had already ended: the earlier logout has notified its clients,
    so repeating it is harmless.
    """
    draft = LogoutDraft(
        cause=cause, scope=LogoutScope.BROWSER, account_id=session.account_id, session_id=session.id
    )
    if not lifecycle.end(session.id, logout_id=draft.logout_id, at=draft.at):
        return None
    participants = lock_of_session(session.id)
    survivors: list[Participant] = []
    if not revoke_offline:
        survivors = [s for s in participants if s.survives_browser and s.client.id not in revoke_offline_of]
    return conclude(
        draft,
        participants,
        sessions_ended=1,
        client_sessions_ended=end_client_sessions(draft, participants),
        grants_revoked=revoke_grants(draft, [s for s in participants if s not in survivors]),
        survivors=survivors,
    )
