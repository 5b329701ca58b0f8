"""Sign in by user name and password.

`guesses` decides which attempts are checked at all. `check` runs before the transaction and `conclude` inside
it; the account must not have changed in between (RACE-09, ABU-21).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Integer, String, Uuid, bindparam, select

from provider.accounts import names, passwords
from provider.accounts.change import replace_hash
from provider.accounts.models import Account
from provider.accounts.queries import read_by_username
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.authentication import guesses, known_browser
from provider.authentication.browser import Browser
from provider.authentication.factors import Factor
from provider.authentication.guesses import Guess, TooMany
from provider.authentication.session import begin
from provider.infrastructure import metrics
from provider.infrastructure.database import after_commit, reading
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.infrastructure.read_only_rows import find_one
from provider.protocol.errors import TemporarilyUnavailable
from provider.sessions.models import Session

FACTORS = (Factor.PASSWORD,)


class Refusal(StrEnum):
    """Why a sign-in is refused, other than by a limit."""

    INCOMPLETE = "incomplete"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The input of a form."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """The password was right when it was checked."""

    account: Account
    guess: Guess
    # A new hash of the same password, if the stored one is weaker than the settings now require.
    fresh_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The sign-in is refused; `account` is the one with the typed name, or None."""

    why: Refusal | TooMany
    account: Account | None = None
    # False for all but the first of many guesses beyond a limit, so that they do not fill the audit log.
    is_to_be_audited: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The sign-in succeeded; the handle goes into the cookie."""

    account: Account
    session: Session
    session_handle: str = field(repr=False)


def check(credentials: Credentials, browser: Browser) -> Right | Refused:
    """Check what a person has typed. No connection is held while the password is hashed."""
    if not credentials.username.strip() or not credentials.password:
        return Refused(why=Refusal.INCOMPLETE, is_to_be_audited=False)
    with reading():
        account = _find(credentials.username)
    counted = guesses.count(credentials.username, browser.networks, known_browser.name_of(browser, account))
    if isinstance(counted, TooMany):
        return _unchecked(credentials, browser, account, counted)
    refusal = verify(credentials.password, account, counted)
    if refusal is not None or account is None:
        return Refused(why=refusal or Refusal.WRONG, account=account)
    return Right(account=account, guess=counted, fresh_hash=_fresh_hash(credentials, account))


def verify(password: str, account: Account | None, guess: Guess) -> Refusal | None:
    """Return why a counted guess is refused, or None; takes the same time for all names (SEC-623)."""
    try:
        is_right = passwords.verify(account, password)
    except passwords.TooBusy as exc:
        raise TemporarilyUnavailable("too many sign-ins at the moment; try again") from exc
    if is_right and account and account.is_active:
        return None
    guesses.failed(guess)
    return Refusal.WRONG


def conclude(right: Right, browser: Browser, *, client_id: str | None) -> Admitted | Refused:
    """Begin or renew the session of the browser and record it, unless the account has changed meanwhile."""
    account = right.account
    provider_epoch = _lock_unchanged(account)
    if provider_epoch is None:
        refused = Refused(why=Refusal.WRONG, account=account)
        record_refusal(refused, browser, client_id=client_id, reason="changed_meanwhile")
        return refused
    if right.fresh_hash:
        replace_hash(account, right.fresh_hash)
    session, handle = begin(account, FACTORS, browser, provider_epoch=provider_epoch)
    after_commit(metrics.SIGN_INS.labels("succeeded").inc)
    after_commit(lambda: guesses.succeeded(right.guess))
    record(
        EventTag.SIGN_IN_SUCCEEDED,
        actor="account",
        account_id=account.id,
        client_id=client_id,
        ip=browser.ip,
        reason=None,
    )
    return Admitted(account=account, session=session, session_handle=handle)


def record_refusal(
    refused: Refused, browser: Browser, *, client_id: str | None, reason: str | None = None
) -> None:
    """Record a refused sign-in; an unknown name is not recorded, because it may be a password."""
    after_commit(metrics.SIGN_INS.labels("refused").inc)
    record(
        EventTag.SIGN_IN_REFUSED,
        actor="account",
        account_id=refused.account.id if refused.account else None,
        client_id=client_id,
        ip=browser.ip,
        reason=reason or str(refused.why),
    )


def _find(username: str) -> Account | None:
    # No account has such a name, and a database may reject a query for it.
    if len(username) > names.MAX_LENGTH or "\0" in username:
        return None
    return read_by_username(username)


def _unchecked(credentials: Credentials, browser: Browser, account: Account | None, why: TooMany) -> Refused:
    """Count a guess that was not checked; only the first in a minute is audited."""
    is_first = guesses.count_refused(credentials.username, browser.networks)
    if not is_first:
        metrics.SIGN_INS.labels("refused").inc()
    return Refused(why=why, account=account, is_to_be_audited=is_first)


def _fresh_hash(credentials: Credentials, account: Account) -> str | None:
    """Return a new hash of the right password if the stored one is weaker than the settings now require."""
    if not passwords.needs_rehash(account):
        return None
    try:
        return passwords.hash_password(credentials.password, account.id)
    except passwords.TooBusy:
        # This sign-in does not wait for a slot; the next one tries again.
        return None


def _lock_unchanged(account: Account) -> int | None:
    """Lock the account and return the provider's epoch.

    None if the account's password or epoch has changed since the check, or the account may not sign in.
    """
    seen = {"account_id": account.id, "seen_hash": account.password_hash, "seen_epoch": account.epoch}
    row = find_one(_SAME, seen)
    return None if row is None else int(row[0])


_SAME = (
    select(ProviderState.epoch)
    .select_from(Account)
    .join(ProviderState, IS_THE_ROW)
    .where(
        Account.id == bindparam("account_id", type_=Uuid()),
        Account.password_hash == bindparam("seen_hash", type_=String()),
        Account.epoch == bindparam("seen_epoch", type_=Integer()),
        Account.disabled_at.is_(None),
        Account.deleted_at.is_(None),
    )
    # No stronger than the lock of an update, so that rows referring to the account can be inserted.
    .with_for_update(key_share=True, of=Account)
)
