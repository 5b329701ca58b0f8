"""The table of permissions by role, which console, API and command share (DEC-18)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from provider.accounts.models import Account
from provider.accounts.roles import Role, role_of
from provider.protocol.permissions import Permission

# The least role that has a permission; every role above it has it too.
LEAST_ROLE: Mapping[Permission, Role] = MappingProxyType(
    {
        Permission.READ: Role.VIEWER,
        Permission.READ_AUDIT: Role.VIEWER,
        Permission.END_SESSIONS: Role.OPERATOR,
        Permission.CHANGE_DELIVERIES: Role.OPERATOR,
        Permission.BULK_LOGOUT: Role.OPERATOR,
        Permission.CHANGE_PEOPLE: Role.OPERATOR,
        Permission.CHANGE_CLIENTS: Role.ADMINISTRATOR,
        Permission.ROTATE_KEYS: Role.ADMINISTRATOR,
        Permission.CHANGE_ROLES: Role.ADMINISTRATOR,
    }
)
# A stolen session must not be enough for these: the person must have signed in recently.
DANGEROUS = frozenset({Permission.BULK_LOGOUT, Permission.ROTATE_KEYS, Permission.CHANGE_ROLES})


class NotPermitted(Exception):
    """The caller lacks a permission, or would act on a person with more rights than the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The permissions of one caller: a person by their role, or a service by its scopes."""

    permissions: frozenset[Permission]
    # None: a service, which has no role.
    role: Role | None = None

    def has(self, permission: Permission) -> bool:
        """Return whether the caller has this permission."""
        return permission in self.permissions

    def check(self, permission: Permission) -> None:
        """Raise NotPermitted if the caller lacks this permission."""
        if not self.has(permission):
            raise NotPermitted(f"this needs the permission {permission}")

    def check_over(self, account: Account) -> None:
        """Raise NotPermitted if an account has a role above the caller's: the caller could take it over."""
        if not self.is_over(account):
            raise NotPermitted(f"{account.username} has a role above yours")

    def is_over(self, account: Account) -> bool:
        """Return whether the caller may act on an account.

        A service has no role of its own: it acts on people with a role only if it may give roles.
        """
        if account.role is None or self.has(Permission.CHANGE_ROLES):
            return True
        return self.role is not None and Role(account.role).rank <= self.role.rank

    def check_over_scopes(self, scopes: frozenset[str]) -> None:
        """Raise NotPermitted if a client has permissions that the caller lacks and would gain through it."""
        beyond = sorted(scopes.intersection(Permission) - self.permissions)
        if beyond:
            raise NotPermitted(f"only a caller with these permissions may give them: {', '.join(beyond)}")


def permissions_of(role: Role | None) -> frozenset[Permission]:
    """Return the permissions of a role; none without one."""
    if role is None:
        return frozenset()
    return frozenset(one for one, least in LEAST_ROLE.items() if role.rank >= least.rank)


def rights_of(account: Account) -> Rights:
    """Return the permissions of a person by their role; none if the account is inactive."""
    role = role_of(account)
    return Rights(permissions=permissions_of(role), role=role)


def is_fresh(authenticated_at: datetime | None, *, now: datetime, longest: timedelta) -> bool:
    """Return whether a sign-in is recent enough for a dangerous act; `longest` is the setting for it.

    `authenticated_at` is the `auth_time` of the token or of the session.
    """
    return authenticated_at is not None and timedelta(0) <= now - authenticated_at <= longest
