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
    """The grant is already revoked."""


def check_is_unrevoked(grant_id: UUID) -> None:
    """Raise UnknownGrant or RevokedAlready unless the grant can be revoked."""
    known = queries.find(grant_id)
    if known is None:
        raise UnknownGrant(f"there is no grant {grant_id}")
    if known.revoked_at is not None:
        raise RevokedAlready(f"the grant {grant_id} is already revoked")


def revoke(grant_id: UUID) -> LogoutOutcome | None:
    """Revoke a grant with everything issued on it; None if it does not exist or is already revoked."""
    known = queries.find(grant_id)
    return withdraw_grant(known, _cause()) if known else None


def disconnect(grant_id: UUID) -> list[LogoutOutcome]:
    """Revoke all grants between the person and the app of this grant, with no gap for another sign-in.

    Returns an empty list if the grant was revoked meanwhile.
    """
    known = queries.find(grant_id)
    if known is None or known.revoked_at is not None:
        return []
    client = db.session.get_one(Client, known.client_id)
    return withdraw(known.account_id, client, lambda _: _cause())


def _cause() -> Cause:
    return Cause(reason=LogoutReason.ADMIN, initiator="admin")
