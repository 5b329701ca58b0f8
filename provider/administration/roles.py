"""Acts on roles: who administers."""

from provider.accounts import change, links
from provider.accounts.links import LinkPurpose
from provider.accounts.models import Account, AccountLink
from provider.accounts.queries import UnknownAccount, lock
from provider.accounts.register import add as add_account
from provider.accounts.roles import Role, has_administrator, lock_administrators
from provider.audit.record import Actor, record
from provider.audit.tags import EventTag

NO_ROLE = "none"


class LastAdministrator(Exception):
    """No administrator would be left."""


class RoleUnchanged(Exception):
    """The person has that role already."""


class InvalidRole(ValueError):
    """There is no such role, or the account cannot have one."""


class LinkInvalid(LookupError):
    """The link is unknown, expired or used, or there is already an administrator."""


def read_role(text: str) -> Role | None:
    """Return the role with this name, or None for `none`. Raises InvalidRole."""
    if text == NO_ROLE:
        return None
    try:
        return Role(text)
    except ValueError:
        raise InvalidRole(f"the role must be one of {', '.join(Role)}, or {NO_ROLE}") from None


def set_role(account: Account, role: Role | None, *, force: bool = False) -> None:
    """Give a person a role, or take it away. Raises RoleUnchanged, InvalidRole or LastAdministrator.

    The person's sessions stay: every request reads the role anew.
    """
    if role is not Role.ADMINISTRATOR:
        check_not_last(account, force=force)
    locked = lock(account.id)
    if locked is None or locked.deleted_at is not None:
        raise UnknownAccount(f"there is no account {account.id}")
    before = locked.role
    if not change.set_role(locked, role):
        raise RoleUnchanged(f"the role of {account.username} is already {role or NO_ROLE}")
    _record(locked, before, role, "admin")


def check_not_last(account: Account, *, force: bool = False) -> None:
    """Raise LastAdministrator if a change would remove the only administrator; call it before the change."""
    if force or account.role != Role.ADMINISTRATOR:
        return
    administrators = [one.id for one in lock_administrators()]
    if administrators == [account.id]:
        raise LastAdministrator(
            f"{account.username} is the last administrator; give another person that role first"
        )


def offer_first() -> tuple[AccountLink, str] | None:
    """Make the one-time link for the first administrator, and return its secret part.

    None if there is an administrator, or if such a link is already open.
    """
    if has_administrator() or links.find_open(LinkPurpose.FIRST_ADMINISTRATOR):
        return None
    made = links.make(LinkPurpose.FIRST_ADMINISTRATOR)
    record(EventTag.ADMINISTRATOR_LINK_MADE, actor="admin", link_id=made[0].id)
    return made


def is_offer_good(handle: str) -> bool:
    """Return whether a link can make its holder the first administrator now."""
    return not has_administrator() and links.find_good(LinkPurpose.FIRST_ADMINISTRATOR, handle) is not None


def become_first(handle: str, account: Account) -> None:
    """Make a person the first administrator with their link, which is then used up. Raises LinkInvalid."""
    # The link's row decides between two concurrent uses, so it comes before the query for administrators.
    if links.use(LinkPurpose.FIRST_ADMINISTRATOR, handle) is None or has_administrator():
        raise LinkInvalid("the link is no longer valid")
    before = account.role
    change.set_role(account, Role.ADMINISTRATOR)
    _record(account, before, Role.ADMINISTRATOR, "account")


def add_first(handle: str, username: str, password: str) -> Account:
    """Add a person who becomes the first administrator with their link. Raises LinkInvalid.

    Also raises InvalidUsername, UsernameTaken or UnusablePassword; the link then stays valid.
    """
    account = add_account(username, password, {})
    record(EventTag.ACCOUNT_ADDED, actor="account", account_id=account.id, claims=[])
    become_first(handle, account)
    return account


def _record(account: Account, before: str | None, after: Role | None, actor: Actor) -> None:
    record(
        EventTag.ROLE_CHANGED,
        actor=actor,
        account_id=account.id,
        before=before or NO_ROLE,
        after=after or NO_ROLE,
    )
