"""One-time links: the person who opens one in time may do one thing once, without a password.

The secret part of a link is returned when it is made and never again.
"""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select, update

from provider.accounts.models import Account, AccountLink
from provider.infrastructure import clock
from provider.infrastructure.database import change, db
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id


class LinkPurpose(StrEnum):
    """The one purpose of a link."""

    FIRST_ADMINISTRATOR = "first_administrator"
    NEW_PASSWORD = "new_password"  # noqa: S105 – no password.


LIFETIMES = {
    # Made by a person at the keyboard, who opens it at once.
    LinkPurpose.FIRST_ADMINISTRATOR: timedelta(hours=1),
    # Handed over to a person who may be away.
    LinkPurpose.NEW_PASSWORD: timedelta(hours=24),
}


def make(purpose: LinkPurpose, account: Account | None = None) -> tuple[AccountLink, str]:
    """Make a link and return it with its secret part; earlier ones of the same kind are void."""
    same = AccountLink.account_id.is_(None) if account is None else AccountLink.account_id == account.id
    change(delete(AccountLink).where(AccountLink.purpose == purpose, same, AccountLink.used_at.is_(None)))
    handle, now = new_handle(), clock.now()
    row = AccountLink(
        id=new_id(),
        digest=digest_of(handle),
        purpose=purpose,
        account_id=account.id if account else None,
        created_at=now,
        expires_at=now + LIFETIMES[purpose],
    )
    db.session.add(row)
    db.session.flush()
    return row, handle


def find_good(purpose: LinkPurpose, handle: str) -> AccountLink | None:
    """Find a link that may be used now. Served by the unique digest."""
    return db.session.scalar(select(AccountLink).where(_is_good(purpose), _is_named(handle)))


def find_open(purpose: LinkPurpose) -> AccountLink | None:
    """Find a usable link of this kind that belongs to no particular account."""
    unused = select(AccountLink).where(_is_good(purpose), AccountLink.account_id.is_(None))
    return db.session.scalars(unused.limit(1)).one_or_none()


def use(purpose: LinkPurpose, handle: str) -> UUID | None:
    """Use up a link and return its id; None if it is not valid any more (a concurrent use may win)."""
    used = update(AccountLink).where(_is_good(purpose), _is_named(handle)).values(used_at=clock.now())
    return db.session.scalar(used.returning(AccountLink.id))


def _is_named(handle: str) -> ColumnElement[bool]:
    return AccountLink.digest == digest_of(handle)


def _is_good(purpose: LinkPurpose) -> ColumnElement[bool]:
    return and_(
        AccountLink.purpose == purpose,
        AccountLink.used_at.is_(None),
        AccountLink.expires_at > clock.now(),
    )
