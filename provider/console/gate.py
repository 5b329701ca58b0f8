"""Find the person at the console and their permissions, anew for each request and in each act.

The console's cookie holds an access token of its own client. The token is found only while everything it
depends on is live (design §4): the client session, the session, the account, the grant. The role is a column
of the account, so after a sign-out or the removal of a role the next request is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from provider.accounts.models import Account
from provider.accounts.queries import lock
from provider.accounts.roles import Role
from provider.administration.permissions import Rights, is_fresh, rights_of
from provider.clients.own import is_own
from provider.infrastructure import acting, clock, current
from provider.infrastructure.acting import Operator, operator_by_request
from provider.infrastructure.database import in_transaction
from provider.protocol.permissions import Permission
from provider.sessions.models import Session
from provider.sessions.queries import FoundSession
from provider.tokens.liveness import find_access_token
from provider.web import cookies
from provider.web.current_session import note_use

T = TypeVar("T")


class SignedOut(Exception):
    """The console has no session, the session has ended, or the sign-in is too old for the act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """A person at the console with their role, proven by a live token."""

    account: Account
    rights: Rights
    role: Role
    session: Session
    provider_epoch: int

    def may(self, permission: Permission) -> bool:
        """Return whether the role includes a permission."""
        return self.rights.has(permission)

    @property
    def is_fresh(self) -> bool:
        """Whether they authenticated recently enough for a dangerous act."""
        longest = current.settings().admin_sign_in_age
        return is_fresh(self.session.authenticated_at, now=clock.now(), longest=longest)

    @property
    def operator(self) -> Operator:
        """The name that the audit and the logouts record for their acts."""
        return operator_by_request(self.account.username, "console")

    def note_use(self) -> None:
        """Keep the session from becoming idle."""
        note_use(FoundSession(session=self.session, account=self.account, provider_epoch=self.provider_epoch))


def find_administrator() -> Administrator | None:
    """Return the administrator in this browser, with one statement; None without a session or role."""
    handle = cookies.console_handle()
    found = find_access_token(handle) if handle else None
    if found is None or found.account is None or found.session is None or not is_own(found.holder):
        return None
    rights = rights_of(found.account)
    if rights.role is None:
        return None
    return Administrator(
        account=found.account,
        rights=rights,
        role=rights.role,
        session=found.session,
        provider_epoch=found.token.provider_epoch,
    )


def act(permission: Permission, work: Callable[[Administrator], T], *, dangerous: bool = False) -> T:
    """Do an act in one transaction, in the name of the person at the console.

    THR-51: their row is locked first, so that an act and a simultaneous change of their role cannot miss each
    other. Raises SignedOut or NotPermitted; then nothing has changed.
    """

    def checked() -> T:
        seen = find_administrator()
        if seen is None or lock(seen.account.id) is None:
            raise SignedOut
        who = find_administrator()
        if who is None or (dangerous and not who.is_fresh):
            raise SignedOut
        who.rights.check(permission)
        with acting.acting_as(who.operator):
            return work(who)

    return in_transaction(checked)
