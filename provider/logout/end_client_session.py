"""Sign out of this app: one client session ends; the session continues for other apps."""

from provider.logout.models import LogoutScope
from provider.logout.participants import list_of_client_session
from provider.logout.steps import (
    Cause,
    LogoutDraft,
    LogoutOutcome,
    conclude,
    end_client_sessions,
    end_devices,
    revoke_grants,
)
from provider.sessions.models import ClientSession


def end_client_session(
    client_session: ClientSession, cause: Cause, *, revoke_offline: bool = False
) -> LogoutOutcome | None:
    """End one client session and notify its client; None if it had already ended.

    The grant ends with it unless offline_access was granted; a replayed refresh token or withdrawn consent
    also revokes the offline grant (`revoke_offline`, DEC-16).
    """
    participants = list_of_client_session(client_session.id, lock=True)
    if not participants:
        return None
    draft = LogoutDraft(
        cause=cause,
        scope=LogoutScope.APP,
        account_id=participants[0].grant.account_id,
        session_id=client_session.session_id,
    )
    client_sessions_ended = end_client_sessions(draft, participants)
    if not client_sessions_ended:
        return None
    survivors = (
        [] if revoke_offline else [participant for participant in participants if participant.survives_app]
    )
    return conclude(
        draft,
        participants,
        sessions_ended=end_devices(draft, participants),
        client_sessions_ended=client_sessions_ended,
        grants_revoked=revoke_grants(draft, [s for s in participants if s not in survivors]),
        survivors=survivors,
    )
