"""How a grant is made, widened and revoked."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from provider.accounts.models import Account
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.grants.subject import subject_for
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id


def create(
    account: Account,
    client: Client,
    *,
    scope: str,
    sid: str,
    provider_epoch: int,
    offline: bool = False,
    consented: bool = False,
    claims: Collection[str] = (),
) -> Grant:
    """Make a grant; it lives for the client's grant lifetime or the provider's (180 days)."""
    now = clock.now()
    lifetime: timedelta = client.grant_lifetime or current.settings().grant_lifetime
    grant = Grant(
        id=new_id(),
        account_id=account.id,
        client_id=client.id,
        sub=subject_for(account, client),
        sid=sid,
        scope=scope,
        offline=offline,
        consented=consented,
        claims=sorted(claims) or None,
        created_at=now,
        expires_at=now + lifetime,
        account_epoch=account.epoch,
        client_epoch=client.epoch,
        provider_epoch=provider_epoch,
    )
    db.session.add(grant)
    record(
        EventTag.GRANT_CREATED,
        actor="account",
        account_id=account.id,
        client_id=client.client_id,
        scope=scope,
        offline=offline,
        **_about_claims(grant),
    )
    return grant


def widen(
    grant: Grant,
    client: Client,
    *,
    scope: str,
    offline: bool = False,
    consented: bool = False,
    claims: Collection[str] = (),
) -> None:
    """Add to a living grant what the person allowed now; nothing that it held is taken away."""
    wider, held = with_scopes(grant.scopes, scope.split()), set(grant.claims or ())
    is_wider = set(wider.split()) != grant.scopes or not held.issuperset(claims)
    if not is_wider and offline <= grant.offline and consented <= grant.consented:
        return
    # A second tab may have widened it since it was read.
    db.session.refresh(grant, with_for_update={"key_share": True})
    wider, held = with_scopes(grant.scopes, scope.split()), set(grant.claims or ())
    grant.scope = wider
    grant.claims = sorted(held.union(claims)) or None
    grant.offline = grant.offline or offline
    grant.consented = grant.consented or consented
    record(
        EventTag.GRANT_WIDENED,
        actor="account",
        account_id=grant.account_id,
        client_id=client.client_id,
        scope=wider,
        offline=grant.offline,
        **_about_claims(grant),
    )


def revoke(grant: Grant, *, logout_id: UUID | None = None) -> bool:
    """Revoke one grant; False when it was revoked already. Everything issued on it is dead at the commit."""
    if grant.revoked_at is not None:
        return False
    grant.revoked_at = clock.now()
    grant.logout_id = logout_id
    return True


def _about_claims(grant: Grant) -> dict[str, Any]:
    return {"claims": " ".join(grant.claims)} if grant.claims else {}


def with_scopes(held: Iterable[str], added: Iterable[str]) -> str:
    """Return both sets of scopes as one string, in a stable order with `openid` first."""
    both = set(held) | set(added)
    return " ".join(sorted(both, key=lambda scope: (scope != "openid", scope)))
