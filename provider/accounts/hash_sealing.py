"""Password hashes as they are stored: sealed, so that a copy of the database is no use for guessing (KEY-22).

A sealed hash is bound to its account: copied into another row, it cannot be opened. Hashes stored by an
earlier release stay unsealed until `curfew keys rekey`. New hashes are stored unsealed too while such a
release may be running, because it could not read sealed ones.
"""

import base64
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from provider.accounts.models import Account
from provider.infrastructure import current, event_log
from provider.infrastructure.data_keys import WrongSecretKey
from provider.infrastructure.database import db

_LABEL = "password-hash"
_PREFIX = "sealed"


def seal(password_hash: str, account_id: UUID) -> str:
    """Return a hash in the form in which the account's row stores it."""
    return _seal(password_hash, account_id) if current.data_keys().are_established() else password_hash


def is_left_bare(account: Account) -> bool:
    """Return whether the account's hash is unsealed although no running release needs that any more."""
    is_sealed = (account.password_hash or "").startswith(f"{_PREFIX}:")
    return not is_sealed and current.data_keys().are_established()


def open_hash(account: Account) -> str | None:
    """Return the account's hash; None if it has no password, or its hash cannot be opened."""
    stored = account.password_hash
    if stored is None or not stored.startswith(f"{_PREFIX}:"):
        return stored
    try:
        _, generation, text = stored.split(":")
        sealed = base64.urlsafe_b64decode(text)
        box = current.secret_box(at_least=int(generation))
        return box.decrypt(_LABEL, sealed, bound_to=account.id.hex).decode()
    except (InvalidTag, WrongSecretKey, ValueError):
        # It was moved here from another account, or sealed with another key.
        event_log.error("password_hash_unreadable", account_id=account.id)
        return None


def seal_anew(after: UUID | None, limit: int) -> tuple[int, UUID | None]:
    """Seal the hashes of some accounts with the newest data key, in the open transaction.

    Returns the number of hashes sealed and the last account examined, which is None at the end.
    """
    some = select(Account).order_by(Account.id).limit(limit).with_for_update(key_share=True)
    some = some.execution_options(populate_existing=True)
    accounts = db.session.scalars(some if after is None else some.where(Account.id > after)).all()
    newest, count = f"{_PREFIX}:{current.secret_box().generation}:", 0
    for account in accounts:
        if account.password_hash is None or account.password_hash.startswith(newest):
            continue
        bare = open_hash(account)
        if bare is not None:
            account.password_hash, count = _seal(bare, account.id), count + 1
    db.session.flush()
    return count, accounts[-1].id if accounts else None


def _seal(password_hash: str, account_id: UUID) -> str:
    box = current.secret_box()
    sealed = box.encrypt(_LABEL, password_hash.encode(), bound_to=account_id.hex)
    return f"{_PREFIX}:{box.generation}:{base64.urlsafe_b64encode(sealed).decode()}"
