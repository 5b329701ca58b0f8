"""The caller of the admin API: a service with its own scopes, or an app on behalf of a person with a role."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import request

from provider.accounts.roles import role_of
from provider.administration.permissions import Rights, is_fresh, permissions_of
from provider.infrastructure import acting, clock, current
from provider.infrastructure.acting import Operator
from provider.protocol.errors import (
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidToken,
    MissingToken,
    TooManyRequests,
)
from provider.protocol.permissions import Permission
from provider.tokens.liveness import LiveAccessToken
from provider.web.access_token import PresentedToken, presented_token

_WAIT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller with its current rights."""

    rights: Rights
    # How the audit log and logouts name the caller.
    operator: Operator
    # Distinguishes callers in rate limits and stored responses.
    name: str
    # When the person signed in; None for a service.
    authenticated_at: datetime | None
    is_service: bool
    # The token that the caller presented.
    shown: PresentedToken = field(repr=False)

    def check(self, permission: Permission, *, fresh: bool) -> None:
        """Raise InsufficientScope, or InsufficientUserAuthentication if the act needs a newer sign-in."""
        if not self.rights.has(permission):
            raise InsufficientScope(f"this needs {permission}", scope=permission)
        longest = current.settings().admin_sign_in_age
        if fresh and not self.is_service and not self._is_fresh(longest):
            seconds = int(longest.total_seconds())
            raise InsufficientUserAuthentication(
                f"sign in again: this act needs a sign-in within the last {seconds} seconds", max_age=seconds
            )

    def check_again(self, permission: Permission) -> None:
        """Authenticate and check the caller again after a wait; raises the same errors."""
        _proven(self.shown).check(permission, fresh=False)

    def _is_fresh(self, longest: timedelta) -> bool:
        return is_fresh(self.authenticated_at, now=clock.now(), longest=longest)


def authenticate() -> Caller:
    """Return the caller of this request. Raises MissingToken, InvalidToken or TooManyRequests."""
    shown = presented_token(request)
    if shown is None:
        raise MissingToken("an access token is required")
    caller = _proven(shown)
    if not current.services().rate_limits.hit(
        current.settings().admin_request_limit, "admin-api", caller.name
    ):
        raise TooManyRequests("too many requests to the admin API", retry_after=_WAIT_SECONDS)
    return caller


def _proven(shown: PresentedToken) -> Caller:
    """Return the caller that presents this token, with its current rights. Raises InvalidToken."""
    found = shown.find()
    if found is None:
        raise InvalidToken("the access token is unknown, expired or revoked")
    _check_audience(found)
    return _caller_of(found, shown)


def _check_audience(found: LiveAccessToken) -> None:
    # SEC-1006: another resource server that receives the same token must not be able to administer with it.
    if found.token.audience not in (None, [current.settings().issuer]):
        raise InvalidToken("the access token is for other resource servers too")


def _caller_of(found: LiveAccessToken, shown: PresentedToken) -> Caller:
    client, account = found.client, found.account
    permissions = frozenset(Permission) & {*found.token.scope.split()}
    # SEC-802: when a client loses a scope, its tokens lose it at once.
    allowed = {one for one in permissions if client.may_administer and client.metadata_.may_use_scope(one)}
    if found.actor is not None:
        allowed = set()
    if account is None:
        return Caller(
            rights=Rights(permissions=frozenset(allowed)),
            operator=acting.operator_by_request(client.client_id, "admin API, service"),
            name=client.client_id,
            authenticated_at=None,
            is_service=True,
            shown=shown,
        )
    role = role_of(account)
    through = f"admin API, account {account.id} at {client.client_id}"
    return Caller(
        rights=Rights(permissions=frozenset(allowed) & permissions_of(role), role=role),
        operator=acting.operator_by_request(account.username, through),
        name=f"{account.id} {client.client_id}",
        authenticated_at=found.token.auth_time,
        is_service=False,
        shown=shown,
    )
