"""Roles: what a person may administer. Each includes the ones before it."""

from enum import StrEnum

from sqlalchemy import select

from provider.accounts.models import Account
from provider.infrastructure.database import db


class Role(StrEnum):
    """The roles of administrators, least first."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"

    @property
    def rank(self) -> int:
        """A number by which roles are compared."""
        return list(Role).index(self)


def role_of(account: Account) -> Role | None:
    """Return the role of an active account, or None."""
    return Role(account.role) if account.role and account.is_active else None


def lock_administrators() -> list[Account]:
    """Lock the rows of all active administrators, so that of two changes at once the later sees the earlier.

    Served by ix_account_role.
    """
    active = select(Account).where(
        Account.role == Role.ADMINISTRATOR, Account.disabled_at.is_(None), Account.deleted_at.is_(None)
    )
    locked = active.order_by(Account.id).with_for_update(key_share=True)
    return list(db.session.scalars(locked, execution_options={"populate_existing": True}))


def has_administrator() -> bool:
    """Return whether there is an active administrator. Served by ix_account_role."""
    active = select(Account.id).where(
        Account.role == Role.ADMINISTRATOR, Account.disabled_at.is_(None), Account.deleted_at.is_(None)
    )
    return db.session.scalar(active.limit(1)) is not None
