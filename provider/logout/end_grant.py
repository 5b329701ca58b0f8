"""Revoke one grant, offline or not: everything issued under it is rejected, and its client is notified."""

from datetime import datetime
from uuid import UUID

from provider.grants import queries as grants
from provider.logout.models import LogoutScope
from provider.logout.participants import list_of_grant
from provider.logout.steps import (
    Cause,
    LogoutDraft,
    LogoutOutcome,
    conclude,
    end_client_sessions,
    end_devices,
    revoke_grants,
)


def end_grant(grant_id: UUID, cause: Cause, *, as_of: datetime | None = None) -> LogoutOutcome | None:
    """Revoke a grant and end its client session; None when there is nothing to end.

    That is so if it was revoked before, or if it had expired at `as_of` (now by default) and has no client
    session.
    """
    grant = grants.lock(grant_id)
    if grant is None or grant.revoked_at is not None:
        return None
    participants = list_of_grant(grant, lock=True, as_of=as_of)
    if not participants:
        return None
    draft = LogoutDraft(cause=cause, scope=LogoutScope.APP, account_id=grant.account_id)
    return conclude(
        draft,
        participants,
        sessions_ended=end_devices(draft, participants),
        client_sessions_ended=end_client_sessions(draft, participants),
        grants_revoked=revoke_grants(draft, participants),
        survivors=[],
    )
