"""Whether a password lets a person in, and the session that follows.

Which guesses are checked at all is decided by `guesses`. What was true when the check began must still
hold when the session is written (RACE-09, ABU-21).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from flask import request
from sqlalchemy import select

from provider.accounts import names, passwords
from provider.accounts.change import replace_hash
from provider.accounts.models import Account
from provider.accounts.queries import find_by_username
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import metrics
from provider.infrastructure.database import after_commit, db, end_read, transaction
from provider.interactions.answer import answer
from provider.interactions.models import Interaction
from provider.logout import end_session, limit
from provider.logout.ending import Cause
from provider.logout.models import LogoutReason
from provider.pages import guesses, known_browser
from provider.pages.guesses import Guess, TooMany
from provider.protocol.device import label_of
from provider.protocol.errors import TemporarilyUnavailable
from provider.sessions import lifecycle
from provider.sessions.models import Session
from provider.sessions.queries import FoundSession
from provider.web.addresses import client_address
from provider.web.current_session import current_session


class Refusal(StrEnum):
    """Why a person is not let in, besides the limits."""

    INCOMPLETE = "incomplete"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a person has typed."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The person is in; the handle goes into the cookie."""

    account: Account
    session_handle: str = field(repr=False)


def admit(
    credentials: Credentials, *, client_id: str | None, for_request: Interaction | None = None
) -> Admitted | Refusal | TooMany:
    """Check what a person has typed and begin or renew the session of this browser.

    The request that they signed in for records the session, so that it knows its own sign-in again.
    """
    if not credentials.username.strip() or not credentials.password:
        return Refusal.INCOMPLETE
    account = _find(credentials.username)
    found = current_session()
    # No connection is held while the password is hashed.
    end_read()
    guess = guesses.count(credentials.username, known_browser.browser_of(account, found))
    if isinstance(guess, TooMany):
        _note_unchecked(account, credentials, guess, client_id=client_id)
        return guess
    refusal = check(credentials, account, guess)
    fresh_hash = _fresh_hash(credentials, account) if refusal is None else None
    with transaction():
        session_handle = None
        if account and refusal is None and _is_unchanged(account):
            if fresh_hash:
                replace_hash(account, fresh_hash)
            session, session_handle = _begin(account, found)
            if for_request is not None:
                answer(for_request, signed_in=str(session.id))
        _record(account, refusal, let_in=session_handle is not None, client_id=client_id)
    if account is None or session_handle is None:
        return refusal or Refusal.WRONG
    guesses.succeeded(guess)
    known_browser.remember(account)
    return Admitted(account=account, session_handle=session_handle)


def _find(username: str) -> Account | None:
    # No account has such a name, and a database may not be asked for one.
    if len(username) > names.MAX_LENGTH or "\0" in username:
        return None
    return find_by_username(username)


def check(credentials: Credentials, account: Account | None, guess: Guess) -> Refusal | None:
    """Return why these credentials are refused; takes equally long for all names (SEC-623)."""
    try:
        is_right = passwords.verify(account, credentials.password)
    except passwords.TooBusy as exc:
        raise TemporarilyUnavailable("too many people sign in at this moment") from exc
    if is_right and account and account.is_active:
        return None
    guesses.failed(guess)
    return Refusal.WRONG


def _fresh_hash(credentials: Credentials, account: Account | None) -> str | None:
    """Return a new hash of the right password if the kept one is weaker than the settings now ask for."""
    if account is None or not passwords.needs_rehash(account):
        return None
    try:
        return passwords.hash_password(credentials.password, account.id)
    except passwords.TooBusy:
        # Nobody waits for that; the next sign-in does it.
        return None


def _is_unchanged(account: Account) -> bool:
    """Lock the account and return whether the checked password is still its own and it may sign in."""
    same = (
        select(Account.id)
        .where(
            Account.id == account.id,
            Account.password_hash == account.password_hash,
            Account.epoch == account.epoch,
            Account.disabled_at.is_(None),
            Account.deleted_at.is_(None),
        )
        # No stronger than an update: whoever holds this session may have to refer to the account.
        .with_for_update(key_share=True)
    )
    return db.session.scalar(same) is not None


def _begin(account: Account, found: FoundSession | None) -> tuple[Session, str]:
    """Begin a session; the same person's is renewed, somebody else's ends first and its apps are told."""
    ip, device = client_address(), label_of(request.user_agent.string)
    if found and found.account.id == account.id:
        renewed = lifecycle.renew(found.session, ip=ip, device=device)
        if renewed:
            return found.session, renewed
    elif found:
        replaced = Cause(reason=LogoutReason.SESSION_REPLACED, initiator="account", ip=ip)
        end_session.end(found.session, replaced)
    session, handle = lifecycle.start(account, ip=ip, device=device)
    limit.enforce(account, session)
    return session, handle


def _note_unchecked(
    account: Account | None, credentials: Credentials, why: TooMany, *, client_id: str | None
) -> None:
    """Count a guess that was not checked; the first in a minute is audited, so that the log does not fill."""
    if guesses.is_to_be_audited(credentials.username):
        with transaction():
            _record(account, why, let_in=False, client_id=client_id)
    else:
        metrics.SIGN_INS.labels("refused").inc()


def _record(
    account: Account | None, refusal: Refusal | TooMany | None, *, let_in: bool, client_id: str | None
) -> None:
    """Write down who came in or was refused; a name that nobody has is not kept, it may be a password."""
    outcome = "succeeded" if let_in else "refused"
    after_commit(metrics.SIGN_INS.labels(outcome).inc)
    record(
        EventTag.SIGN_IN_SUCCEEDED if let_in else EventTag.SIGN_IN_REFUSED,
        actor="account",
        account_id=account.id if account else None,
        client_id=client_id,
        ip=client_address(),
        reason=None if let_in else str(refusal or "changed_meanwhile"),
    )
