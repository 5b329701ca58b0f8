"""Forget from where a person has signed out, when the person is deleted."""

from uuid import UUID

from sqlalchemy import update

from provider.infrastructure.database import change
from provider.logout.models import Logout


def forget_origins(account_id: UUID) -> None:
    """Forget the addresses of a person's logouts; those that an operator did keep the operator's."""
    by_person = update(Logout).where(Logout.account_id == account_id, Logout.initiator != "admin")
    change(by_person.values(actor_origin=None))
