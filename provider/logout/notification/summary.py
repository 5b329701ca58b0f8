"""The summary of a sign-out everywhere, derived from its rows at each request."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select

from provider.clients.models import Client
from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.logout.models import Logout, LogoutScope
from provider.logout.notice import is_of_logout
from provider.sessions.models import ClientSession
from provider.tokens.conditions import outlives_session
from provider.tokens.models import RefreshToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A sign-out everywhere with what it ended."""

    logout: Logout
    refresh_tokens_revoked: int
    apps_to_notify: tuple[Client, ...]


def summarize(logout: Logout) -> Summary:
    """Return what a sign-out did, derived from its rows, so that a repeated request gets the same summary."""
    owed = select(Delivery.recipient_id).where(is_of_logout(logout.id))
    clients = db.session.scalars(select(Client).where(Client.id.in_(owed)))
    return Summary(
        logout=logout,
        refresh_tokens_revoked=_count_refresh_tokens(logout),
        apps_to_notify=tuple(sorted(clients, key=lambda client: client.display_name.casefold())),
    )


def find_everywhere_of_grant(grant_id: UUID) -> Logout | None:
    """Find the sign-out everywhere that ended a grant, or None if another logout or none did."""
    ended = (
        select(Logout)
        .join(Grant, Grant.logout_id == Logout.id)
        .where(Grant.id == grant_id, Logout.scope == LogoutScope.EVERYWHERE)
    )
    return db.session.scalars(ended).one_or_none()


def _count_refresh_tokens(logout: Logout) -> int:
    """Count the tokens that were usable until this logout; what became of them later does not matter."""
    usable = (
        select(func.count())
        .select_from(RefreshToken)
        .join(Grant, Grant.id == RefreshToken.grant_id)
        .join(ClientSession, ClientSession.id == RefreshToken.client_session_id)
        .where(Grant.logout_id == logout.id, RefreshToken.rotated_at.is_(None))
        .where(or_(outlives_session(RefreshToken), ClientSession.ended_at >= logout.at))
        .where(or_(RefreshToken.revoked_at.is_(None), RefreshToken.revoked_at > logout.at))
        .where(RefreshToken.expires_at > logout.at)
    )
    return db.session.scalar(usable) or 0
