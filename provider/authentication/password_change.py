"""A person changes their own password, which signs out every other browser."""

from enum import StrEnum

from provider.accounts import passwords
from provider.accounts.change import change_password
from provider.accounts.password_rules import PasswordRule, UnusablePassword, check_rules
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.authentication import guesses, known_browser, session
from provider.authentication.browser import Browser
from provider.authentication.guesses import TooMany
from provider.authentication.password import FACTORS, Refusal, verify
from provider.logout.models import LogoutReason
from provider.logout.others import end_others
from provider.logout.steps import Cause, LogoutOutcome
from provider.protocol.errors import TemporarilyUnavailable
from provider.sessions.queries import FoundSession


class NotChanged(StrEnum):
    """Why a password is not changed, other than the rules, the limits and a wrong current password."""

    SAME = "same"
    CHANGED_MEANWHILE = "changed_meanwhile"


class ChangedMeanwhile(Exception):
    """The session or the password has changed since the change was checked."""


def refusal_of(
    found: FoundSession, browser: Browser, *, current: str, new: str
) -> NotChanged | PasswordRule | Refusal | TooMany | None:
    """Return why a password is not changed, or None; guesses at the current one count.

    No transaction may be open: the current password is hashed.
    """
    account = found.account
    try:
        check_rules(new, username=account.username, claims=account.claims)
    except UnusablePassword as exc:
        return exc.rule
    guess = guesses.count(account.username, browser.networks, known_browser.name_of(browser, account))
    if isinstance(guess, TooMany):
        return guess
    refusal = verify(current, account, guess)
    if refusal is not None:
        return refusal
    guesses.succeeded(guess)
    return NotChanged.SAME if new == current else None


def hash_of(new: str, found: FoundSession) -> str:
    """Return the hash to store for the new password. No transaction may be open."""
    try:
        return passwords.hash_password(new, found.account.id)
    except passwords.TooBusy as exc:
        raise TemporarilyUnavailable("too many password checks at the moment; try again") from exc


def carry_out(found: FoundSession, browser: Browser, new_hash: str) -> tuple[LogoutOutcome, str]:
    """Write the password, move this session to a new handle (SEC-707) and end the others, in that order.

    The first statement locks the account's row: a sign-in with the old password either came before and is
    ended here, or finds that the password has changed (RACE-09). Raises ChangedMeanwhile.
    """
    account, own = found.account, found.session
    if not change_password(account, new_hash):
        raise ChangedMeanwhile
    handle = session.renew(own, FACTORS, browser)
    if handle is None:
        raise ChangedMeanwhile
    record(
        EventTag.PASSWORD_CHANGED,
        actor="account",
        account_id=account.id,
        session_id=own.id,
        ip=browser.ip,
    )
    cause = Cause(reason=LogoutReason.PASSWORD_CHANGED, initiator="account", ip=browser.ip, asked_in=own.id)
    return end_others(account, own, cause), handle
