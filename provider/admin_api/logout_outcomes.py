"""The effects of an act, or of its preview, in the form of the admin API's responses."""

from uuid import UUID

import msgspec

from provider.logout.bulk.queries import Reach
from provider.logout.steps import LogoutOutcome


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The effects of a logout, and the number of apps that are notified."""

    logout_id: UUID
    sessions_ended: int
    client_sessions_ended: int
    grants_revoked: int
    grants_surviving: int
    apps_to_notify: int
    notifications: int


class WouldEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A preview of what would end now."""

    sessions: int
    client_sessions: int
    grants: int
    apps_to_notify: int
    service_tokens: int | None


def ended_of(outcome: LogoutOutcome) -> Ended:
    """Return the effects of a logout."""
    return Ended(
        logout_id=outcome.logout.id,
        sessions_ended=outcome.logout.sessions_ended,
        client_sessions_ended=outcome.logout.client_sessions_ended,
        grants_revoked=outcome.logout.grants_revoked,
        grants_surviving=outcome.logout.grants_surviving,
        apps_to_notify=outcome.apps_to_notify,
        notifications=outcome.notifications,
    )


def would_end(reach: Reach) -> WouldEnd:
    """Return the effects that a logout would have."""
    return WouldEnd(
        sessions=reach.sessions,
        client_sessions=reach.client_sessions,
        grants=reach.grants,
        apps_to_notify=reach.apps,
        service_tokens=reach.service_tokens,
    )
