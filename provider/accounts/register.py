"""Add a new person."""

from collections.abc import Mapping

from sqlalchemy.exc import IntegrityError

from provider.accounts import claims as standard_claims
from provider.accounts.models import Account
from provider.accounts.names import fold, fold_email, tidy
from provider.accounts.password_rules import check_rules
from provider.accounts.passwords import hash_password
from provider.accounts.queries import find_by_username
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id, new_subject


class UsernameTaken(Exception):
    """The name, or one that looks the same, is taken."""


def add(username: str, password: str | None, claims: Mapping[str, object] | None = None) -> Account:
    """Add an account; without a password, the person cannot sign in with the form.

    Raises InvalidUsername, UsernameTaken, UnusablePassword or InvalidClaims.
    """
    name = tidy(username)
    known = standard_claims.checked(claims or {})
    if password is not None:
        check_rules(password, username=name, claims=known)
    if find_by_username(name) is not None:
        raise taken(name)
    now = clock.now()
    account_id = new_id()
    account = Account(
        id=account_id,
        sub=new_subject(),
        username=name,
        folded_username=fold(name),
        folded_email=fold_email(known),
        password_hash=None if password is None else hash_password(password, account_id),
        password_changed_at=None if password is None else now,
        claims=known,
        epoch=0,
        created_at=now,
        updated_at=now,
    )
    db.session.add(account)
    try:
        db.session.flush()
    except IntegrityError as exc:
        # Another process added the same name first; the unique index decides.
        raise taken(name) from exc
    return account


def taken(name: str) -> UsernameTaken:
    """Return the error for a name that another person has."""
    return UsernameTaken(f"the user name {name!r} is taken")
