"""Withdraw a person's consent, so that no request under way can grant it again.

Authorization requests read consent without a lock, so that most of them write little. A withdrawal therefore
first voids all decisions in progress, and then reads what there is to end.
"""

from collections.abc import Callable
from uuid import UUID

from provider.accounts import queries as accounts
from provider.clients.models import Client
from provider.grants import queries as grants
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.logout.end_grant import end_grant
from provider.logout.steps import Cause, LogoutOutcome
from provider.sessions import lifecycle
from provider.tokens import device_codes


def withdraw(account_id: UUID, client: Client, cause_of: Callable[[Grant], Cause]) -> list[LogoutOutcome]:
    """Revoke every grant of a person at a client; return the logouts."""
    _void_decisions(account_id, client)
    outcomes = [end_grant(one.id, cause_of(one)) for one in grants.list_unrevoked(account_id, client)]
    return [outcome for outcome in outcomes if outcome]


def withdraw_grant(grant: Grant, cause: Cause) -> LogoutOutcome | None:
    """Revoke one grant; None if it was already revoked."""
    _void_decisions(grant.account_id, db.session.get_one(Client, grant.client_id))
    return end_grant(grant.id, cause)


def _void_decisions(account_id: UUID, client: Client) -> None:
    device_codes.take_back(account_id, client)
    accounts.lock(account_id)
    lifecycle.void_decisions(account_id)
