"""Acts on sessions."""

from uuid import UUID

from provider.logout import end_session
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause, LogoutOutcome
from provider.sessions import queries


class UnknownSession(LookupError):
    """There is no such session."""


class EndedAlready(Exception):
    """The session has already ended."""


def end(session_id: UUID) -> LogoutOutcome:
    """End one session and enqueue the notifications of its apps. Raises UnknownSession or EndedAlready."""
    found = queries.find(session_id)
    if found is None:
        raise UnknownSession(f"there is no session {session_id}")
    outcome = end_session.end(found, Cause(reason=LogoutReason.ADMIN, initiator="admin"))
    if outcome is None:
        raise EndedAlready(f"the session {session_id} has already ended")
    return outcome
