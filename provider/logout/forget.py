"""Delete the network addresses of a person's logouts when the person is deleted."""

from uuid import UUID

from sqlalchemy import update

from provider.infrastructure.database import change
from provider.logout.models import Logout


def forget_origins(account_id: UUID) -> None:
    """Delete the addresses of a person's logouts; logouts by an operator keep the operator's address."""
    by_person = update(Logout).where(Logout.account_id == account_id, Logout.initiator != "admin")
    change(by_person.values(actor_origin=None))
