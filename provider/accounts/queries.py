"""Questions about accounts."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, bindparam, select, text

from provider.accounts.models import Account
from provider.accounts.names import MAX_LENGTH, fold
from provider.infrastructure.database import db, is_sqlite
from provider.infrastructure.read_only_rows import ReadOnly, find_one

# The last code point: a prefix followed by it sorts after every name with that prefix.
_AFTER_ALL = "\U0010ffff"

_IS_NAMED = and_(
    Account.folded_username == bindparam("folded_username", type_=String()), Account.deleted_at.is_(None)
)
_WHO_SIGNS_IN = ReadOnly(
    Account,
    *("id", "sub", "username", "password_hash", "password_changed_at", "epoch"),
    *("disabled_at", "deleted_at"),
)
_NAMED, _READ = select(Account).where(_IS_NAMED), select(*_WHO_SIGNS_IN.columns).where(_IS_NAMED)


class UnknownAccount(LookupError):
    """The account does not exist, or no longer exists."""


def find(account_id: UUID) -> Account | None:
    """Find an account by its identifier, deleted ones included."""
    return db.session.get(Account, account_id)


def lock(account_id: UUID) -> Account | None:
    """Lock an account's row, as a sign-out everywhere does, so that the later of the two sees the earlier."""
    # No stronger than the lock of an epoch update, so that rows referring to the account can be inserted.
    return db.session.get(Account, account_id, with_for_update={"key_share": True}, populate_existing=True)


def find_by_username(username: str) -> Account | None:
    """Find the account that a person means by a user name. Served by the unique folded name."""
    return db.session.scalars(_NAMED, {"folded_username": fold(username)}).one_or_none()


def read_by_username(username: str) -> Account | None:
    """Find an account like `find_by_username`, for a sign-in, as a read-only row."""
    row = find_one(_READ, {"folded_username": fold(username)})
    return None if row is None else _WHO_SIGNS_IN.take(iter(row))


def find_by_sub(sub: str) -> Account | None:
    """Find the account that public clients know by this `sub`. Served by the unique sub."""
    known = select(Account).where(Account.sub == sub, Account.deleted_at.is_(None))
    return db.session.scalars(known).one_or_none()


def get(account_id: UUID) -> Account:
    """Return an account by its identifier, or raise UnknownAccount."""
    account = find(account_id)
    if account is None or account.deleted_at is not None:
        raise UnknownAccount(f"there is no account {account_id}")
    return account


def get_by_username(username: str) -> Account:
    """Return the account of a user name, or raise UnknownAccount."""
    account = find_by_username(username)
    if account is None:
        raise UnknownAccount(f"there is no account named {username!r}")
    return account


def list_by_name(prefix: str, *, after: Account | None = None, limit: int = 100) -> list[Account]:
    """List the people whose user name has this prefix, by name; `after` is the last one of the page before.

    Served by ix_account_folded_username_prefix, for whose order PostgreSQL has separate operators.
    """
    less, from_, more, order = ("<", ">=", ">", "") if is_sqlite() else ("~<~", "~>=~", "~>~", " USING ~<~")
    name, begin = Account.folded_username, fold(prefix)
    found = select(Account).where(Account.deleted_at.is_(None)).limit(limit)
    found = found.order_by(text(f"account.folded_username{order}"))
    if begin:
        found = found.where(name.op(from_, is_comparison=True)(begin))
        found = found.where(name.op(less, is_comparison=True)(begin + _AFTER_ALL))
    if after is not None:
        found = found.where(name.op(more, is_comparison=True)(after.folded_username))
    return list(db.session.scalars(found))


def list_accounts(*, after: UUID | None = None, limit: int = 100) -> list[Account]:
    """List accounts, oldest first; `after` is the last identifier of the page before."""
    wanted = select(Account).where(Account.deleted_at.is_(None)).order_by(Account.id).limit(limit)
    if after is not None:
        wanted = wanted.where(Account.id > after)
    return list(db.session.scalars(wanted))


class Filter(NamedTuple):
    """A filter of accounts; a field that is None matches every account."""

    # A prefix of the user name, ignoring case.
    prefix: str | None = None
    username: str | None = None
    sub: str | None = None
    email: str | None = None
    role: str | None = None
    enabled: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter as conditions on Account."""
        found: list[ColumnElement[bool]] = []
        if self.prefix is not None:
            found.append(Account.folded_username.startswith(fold(self.prefix), autoescape=True))
        if self.username is not None:
            found.append(Account.folded_username == fold(self.username))
        if self.sub is not None:
            found.append(Account.sub == self.sub)
        if self.email is not None:
            found.append(Account.folded_email == fold(self.email)[:MAX_LENGTH])
        if self.role is not None:
            # The second condition is the one of the partial index ix_account_role.
            found += [Account.role == self.role, Account.role.is_not(None)]
        if self.enabled is not None:
            found.append(Account.disabled_at.is_(None) if self.enabled else Account.disabled_at.is_not(None))
        return found


def search(wanted: Filter, *, after: UUID | None = None, limit: int = 100) -> list[Account]:
    """List the wanted accounts, oldest first; `after` is the last identifier of the page before.

    A prefix is served by ix_account_folded_username_prefix, or by the primary key where many match; an e-mail
    address by ix_account_folded_email; disabled accounts by ix_account_disabled.
    """
    found = select(Account).where(Account.deleted_at.is_(None), *wanted.conditions()).order_by(Account.id)
    if after is not None:
        found = found.where(Account.id > after)
    return list(db.session.scalars(found.limit(limit)))
