"""Change a person's name, claims and password, or whether they may sign in.

Where a change must end sessions, the epoch revokes them at once; the caller ends them with
`provider.logout`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from provider.accounts import claims as standard_claims
from provider.accounts.models import Account
from provider.accounts.names import fold, fold_email, tidy
from provider.accounts.password_rules import check_rules
from provider.accounts.passwords import hash_password
from provider.accounts.queries import find_by_username
from provider.accounts.register import taken
from provider.accounts.roles import Role
from provider.infrastructure import clock
from provider.infrastructure.database import change, db


def set_password(account: Account, password: str, *, reset: bool = False) -> None:
    """Set a new password. Raises UnusablePassword.

    A reset by an operator raises the epoch, which revokes everything. A person's own change leaves that
    browser signed in, so the epoch stays (design §3).
    """
    check_rules(password, username=account.username, claims=account.claims)
    epoch = {"epoch": Account.epoch + 1} if reset else {}
    new_hash = hash_password(password, account.id)
    _write(account, password_hash=new_hash, password_changed_at=clock.now(), **epoch)


def change_password(account: Account, new_hash: str) -> bool:
    """Store the hash of a new password; False if the account changed meanwhile (RACE-09).

    For a person who has entered the current password: it must still be the stored one, and the account's row
    stays locked until the other sessions have ended.
    """
    same = update(Account).where(
        Account.id == account.id,
        Account.password_hash == account.password_hash,
        Account.epoch == account.epoch,
        Account.disabled_at.is_(None),
        Account.deleted_at.is_(None),
    )
    now = clock.now()
    if change(same.values(password_hash=new_hash, password_changed_at=now, updated_at=now)) != 1:
        return False
    db.session.refresh(account)
    return True


def replace_hash(account: Account, new_hash: str) -> bool:
    """Replace the hash of an unchanged password; False if the password was changed meanwhile (KEY-22)."""
    same = update(Account).where(Account.id == account.id, Account.password_hash == account.password_hash)
    return change(same.values(password_hash=new_hash)) == 1


def set_claims(account: Account, claims: Mapping[str, object]) -> None:
    """Replace the claims about a person. Raises InvalidClaims."""
    known = standard_claims.checked(claims)
    _write(account, claims=known, folded_email=fold_email(known))


def rename(account: Account, username: str) -> bool:
    """Change a person's user name; `sub`, sessions and grants stay. False if it is the same name.

    The old name becomes free. Raises InvalidUsername or UsernameTaken.
    """
    name = tidy(username)
    if name == account.username:
        return False
    other = find_by_username(name)
    if other is not None and other.id != account.id:
        raise taken(name)
    try:
        _write(account, username=name, folded_username=fold(name))
    except IntegrityError as exc:
        raise taken(name) from exc
    return True


def forget_password(account: Account) -> None:
    """Remove the password without setting another, and revoke everything, as a reset does."""
    _write(account, password_hash=None, password_changed_at=clock.now(), epoch=Account.epoch + 1)


def set_role(account: Account, role: Role | None) -> bool:
    """Give a person a role, or take it away; False if nothing changes."""
    if account.role == role:
        return False
    _write(account, role=role)
    return True


def disable(account: Account) -> bool:
    """Disable an account and revoke everything issued to it; False if it was already disabled."""
    if account.disabled_at is not None:
        return False
    _write(account, disabled_at=clock.now(), epoch=Account.epoch + 1)
    return True


def enable(account: Account) -> bool:
    """Enable an account; what was revoked stays revoked. False if it was already enabled."""
    if account.disabled_at is None:
        return False
    _write(account, disabled_at=None)
    return True


def delete(account: Account) -> None:
    """Delete a person; only bare identifiers stay, so that `sub` is never reassigned (core §5.7).

    The user name becomes free; a new account of that name is another person with another `sub`.
    """
    gone = f"deleted-{account.id}"
    _write(
        account,
        deleted_at=clock.now(),
        username=gone,
        folded_username=gone,
        password_hash=None,
        claims={},
        folded_email=None,
        role=None,
        epoch=Account.epoch + 1,
    )


def _write(account: Account, **values: Any) -> None:
    """Update the row directly, because an epoch must be incremented in the database, not in a loaded copy."""
    written = update(Account).where(Account.id == account.id).values(updated_at=clock.now(), **values)
    change(written)
    db.session.refresh(account)
