"""Make, widen and revoke a grant."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from provider.accounts.models import Account
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.grants.consent import Consent, consent_of
from provider.grants.models import Grant
from provider.grants.subject import subject_for
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, write_gathered
from provider.infrastructure.one_row import insert_at_commit
from provider.infrastructure.opaque_tokens import new_id


def create(
    account: Account,
    client: Client,
    *,
    scope: str,
    sid: str,
    provider_epoch: int,
    offline: bool = False,
    consent: Consent | None = None,
) -> Grant:
    """Make a grant; it is valid for the client's grant lifetime or the provider's (180 days).

    `consent` is what the person was asked about and agreed to; None for a client that needs no consent.
    Returns a read-only row, which is inserted at the commit.
    """
    now = clock.now()
    lifetime: timedelta = client.grant_lifetime or current.settings().grant_lifetime
    values = {
        "id": new_id(),
        "account_id": account.id,
        "client_id": client.id,
        "sub": subject_for(account, client),
        "sid": sid,
        "scope": scope,
        "offline": offline,
        "consented": consent is not None,
        "consented_to": consent.to_store() if consent else None,
        "claims": sorted(consent.claims) or None if consent else None,
        "created_at": now,
        "expires_at": now + lifetime,
        "account_epoch": account.epoch,
        "client_epoch": client.epoch,
        "provider_epoch": provider_epoch,
    }
    grant = insert_at_commit(Grant, values)
    record(
        EventTag.GRANT_CREATED,
        actor="account",
        account_id=account.id,
        client_id=client.client_id,
        scope=scope,
        offline=offline,
        **_about_consent(grant),
    )
    return grant


def widen(
    found: Grant, client: Client, *, scope: str, offline: bool = False, consent: Consent | None = None
) -> Grant:
    """Add what the person allowed now to a valid grant, and return it; nothing is removed from it."""
    if _holds(found, scope, offline=offline, consent=consent):
        return found
    # Gathered statements run first, so that a session's row is locked before the grant's.
    write_gathered()
    # A second tab may have widened the grant since it was read.
    locked = {"key_share": True}
    grant = db.session.get_one(Grant, found.id, with_for_update=locked, populate_existing=True)
    grant.scope = with_scopes(grant.scopes, scope.split())
    grant.offline = grant.offline or offline
    if consent is not None:
        _add_consent(grant, consent)
    record(
        EventTag.GRANT_WIDENED,
        actor="account",
        account_id=grant.account_id,
        client_id=client.client_id,
        scope=grant.scope,
        offline=grant.offline,
        **_about_consent(grant),
    )
    return grant


def _holds(grant: Grant, scope: str, *, offline: bool, consent: Consent | None) -> bool:
    """Return whether a grant already holds all of this."""
    if not grant.scopes.issuperset(scope.split()) or offline > grant.offline:
        return False
    held = consent_of(grant)
    return consent is None or (
        grant.consented and held.scopes >= consent.scopes and held.claims >= consent.claims
    )


def _add_consent(grant: Grant, consent: Consent) -> None:
    held = consent_of(grant)
    both = Consent(held.scopes | consent.scopes, held.claims | consent.claims)
    grant.consented = True
    grant.consented_to = both.to_store()
    grant.claims = sorted(both.claims) or None


def revoke(grant: Grant, *, logout_id: UUID | None = None) -> bool:
    """Revoke one grant and with it everything issued on it; False if it was already revoked."""
    if grant.revoked_at is not None:
        return False
    grant.revoked_at = clock.now()
    grant.logout_id = logout_id
    return True


def _about_consent(grant: Grant) -> dict[str, Any]:
    about = {"claims": " ".join(grant.claims or ()), "resources": " ".join(grant.resources)}
    return {name: value for name, value in about.items() if value}


def with_scopes(held: Iterable[str], added: Iterable[str]) -> str:
    """Return both sets of scopes as one string, in a stable order with `openid` first."""
    both = set(held) | set(added)
    return " ".join(sorted(both, key=lambda scope: (scope != "openid", scope)))
