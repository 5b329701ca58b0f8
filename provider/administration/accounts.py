"""Acts on the people who sign in."""

from collections.abc import Mapping
from typing import Any

from provider.accounts import change, links, queries
from provider.accounts.links import LinkPurpose
from provider.accounts.models import Account
from provider.accounts.register import add as add_account
from provider.administration.roles import check_not_last
from provider.audit.erase import erase
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.logout.bulk.queries import Reach
from provider.logout.everywhere import end_everywhere
from provider.logout.forget import forget_origins
from provider.logout.models import LogoutReason
from provider.logout.participants import list_of_account
from provider.logout.steps import Cause, LogoutOutcome
from provider.sessions.lifecycle import forget_machines
from provider.sessions.queries import list_living_of


class NothingToChange(Exception):
    """The account is already in the requested state."""


def add(username: str, password: str | None, claims: Mapping[str, object]) -> Account:
    """Add a person; without a password, the person cannot sign in with the form.

    Raises InvalidUsername, UsernameTaken, UnusablePassword or InvalidClaims.
    """
    account = add_account(username, password, claims)
    _record(EventTag.ACCOUNT_ADDED, account, claims=sorted(account.claims))
    return account


def set_claims(account: Account, claims: Mapping[str, object]) -> None:
    """Replace the claims about a person. Raises InvalidClaims."""
    before = account.claims
    change.set_claims(account, claims)
    after = account.claims
    changed = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
    # The names of the claims, not their values: audit entries remain after the person's data is erased.
    _record(EventTag.ACCOUNT_UPDATED, account, changed=changed)


def rename(account: Account, username: str) -> None:
    """Change a person's user name; sessions, grants and `sub` stay.

    Raises NothingToChange, InvalidUsername or UsernameTaken.
    """
    if not change.rename(account, username):
        raise NothingToChange(f"the user name is already {account.username}")
    # Not the names themselves: audit entries remain after the person's data is erased.
    _record(EventTag.ACCOUNT_UPDATED, account, changed=["username"])


def disable(account: Account, *, force: bool = False) -> LogoutOutcome:
    """Disable an account and sign the person out everywhere. Raises NothingToChange or LastAdministrator."""
    check_not_last(account, force=force)
    if not change.disable(account):
        raise NothingToChange(f"{account.username} is already disabled")
    return _end_everything(account, LogoutReason.ACCOUNT_DISABLED, EventTag.ACCOUNT_DISABLED)


def enable(account: Account) -> None:
    """Enable an account again; ended sessions and grants stay ended. Raises NothingToChange."""
    if not change.enable(account):
        raise NothingToChange(f"{account.username} is not disabled")
    _record(EventTag.ACCOUNT_ENABLED, account)


def delete(account: Account, *, force: bool = False) -> LogoutOutcome:
    """Sign a person out everywhere and delete their data. Raises LastAdministrator.

    Identifiers stay, in the audit log too; addresses and devices are erased (DEC-26).
    """
    check_not_last(account, force=force)
    outcome = _end_everything(account, LogoutReason.ACCOUNT_DELETED, EventTag.ACCOUNT_DELETED)
    change.delete(account)
    forget_machines(account.id)
    forget_origins(account.id)
    _record(EventTag.PERSONAL_DATA_ERASED, account, entries=erase(account.id))
    return outcome


def reset_password(account: Account, password: str) -> LogoutOutcome:
    """Set another password and sign the person out everywhere. Raises UnusablePassword."""
    change.set_password(account, password, reset=True)
    return _end_everything(account, LogoutReason.PASSWORD_RESET, EventTag.PASSWORD_RESET)


def begin_reset(account: Account) -> tuple[LogoutOutcome, str]:
    """Remove a person's password, sign them out everywhere, and make a link with which they set another.

    Returns the secret part of the link, which cannot be read again. Only the person chooses the password
    (SEC-629).
    """
    change.forget_password(account)
    outcome = _end_everything(account, LogoutReason.PASSWORD_RESET, EventTag.PASSWORD_RESET_BEGUN)
    _row, handle = links.make(LinkPurpose.NEW_PASSWORD, account)
    return outcome, handle


def find_resetting(handle: str) -> Account | None:
    """Return the person who may set a password with this link now, or None."""
    link = links.find_good(LinkPurpose.NEW_PASSWORD, handle)
    account = queries.find(link.account_id) if link and link.account_id else None
    return account if account and account.is_active else None


def finish_reset(handle: str, account: Account, password: str) -> LogoutOutcome | None:
    """Set the password that a person has chosen with their link; None if the link is no longer valid.

    After UnusablePassword the link stays valid. After None the caller must roll back.
    """
    change.set_password(account, password, reset=True)
    if links.use(LinkPurpose.NEW_PASSWORD, handle) is None:
        return None
    cause = Cause(reason=LogoutReason.PASSWORD_RESET, initiator="account")
    outcome = end_everywhere(account, cause)
    record(EventTag.PASSWORD_SET_BY_LINK, actor="account", account_id=account.id, logout_id=outcome.logout.id)
    return outcome


def measure(account: Account) -> Reach:
    """Count what signing a person out everywhere would end."""
    participants = list_of_account(account.id, lock=False)
    return Reach(
        sessions=len(list_living_of(account.id)),
        client_sessions=sum(participant.client_session is not None for participant in participants),
        grants=len({participant.grant.id for participant in participants}),
        apps=len({participant.client.id for participant in participants if participant.has_address}),
    )


def sign_out_everywhere(account: Account) -> LogoutOutcome:
    """End all sessions and revoke all grants of a person."""
    return end_everywhere(account, Cause(reason=LogoutReason.ADMIN, initiator="admin"))


def _end_everything(account: Account, reason: LogoutReason, tag: EventTag) -> LogoutOutcome:
    """Sign a person out everywhere as the consequence of another act, and record both."""
    outcome = end_everywhere(account, Cause(reason=reason, initiator="admin"))
    _record(tag, account, logout_id=outcome.logout.id)
    return outcome


def _record(tag: EventTag, account: Account, **detail: Any) -> None:
    record(tag, actor="admin", account_id=account.id, **detail)
