"""Acts on what people have allowed apps."""

from uuid import UUID

from provider.clients.models import Client
from provider.grants import queries
from provider.infrastructure.database import db
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause, LogoutOutcome
from provider.logout.withdraw import withdraw, withdraw_grant


class UnknownGrant(LookupError):
    """There is no such grant."""


class RevokedAlready(Exception):
    """The grant was revoked before."""


def check_is_unrevoked(grant_id: UUID) -> None:
    """Raise UnknownGrant or RevokedAlready unless the grant can be revoked."""
    known = queries.find(grant_id)
    if known is None:
        raise UnknownGrant(f"there is no grant {grant_id}")
    if known.revoked_at is not None:
        raise RevokedAlready(f"the grant {grant_id} is already revoked")


def revoke(grant_id: UUID) -> LogoutOutcome | None:
    """Revoke a grant with everything issued on it; None if there is none that is not revoked."""
    known = queries.find(grant_id)
    return withdraw_grant(known, _cause()) if known else None


def disconnect(grant_id: UUID) -> list[LogoutOutcome]:
    """Revoke at once all that the person of a grant has allowed its app, so that no sign-in falls between.

    Returns nothing if the grant was revoked meanwhile.
    """
    known = queries.find(grant_id)
    if known is None or known.revoked_at is not None:
        return []
    client = db.session.get_one(Client, known.client_id)
    return withdraw(known.account_id, client, lambda _: _cause())


def _cause() -> Cause:
    return Cause(reason=LogoutReason.ADMIN, initiator="admin")
