"""How an access token is issued."""

from datetime import datetime
from uuid import UUID

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id
from provider.infrastructure.provider_state import THE_ROW, ProviderState
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AccessToken

# Secret scanners recognise a leaked token by its prefix, and so does our introspection.
ACCESS_TOKEN_PREFIX = "cfa_"  # noqa: S105 – a public prefix, no token.


def issue_for_grant(
    client: Client,
    grant: Grant,
    client_session: ClientSession,
    session: Session,
    *,
    scope: str,
    family_id: UUID,
) -> tuple[str, AccessToken]:
    """Issue an access token for what a person allowed; it never outlives what it hangs on."""
    last = grant.expires_at if grant.offline else min(grant.expires_at, session.expires_at)
    return _issue(
        client,
        scope=scope,
        provider_epoch=grant.provider_epoch,
        not_after=last,
        grant_id=grant.id,
        client_session_id=client_session.id,
        family_id=family_id,
    )


def issue_for_client(client: Client, *, scope: str) -> tuple[str, AccessToken]:
    """Issue an access token to a client that acts for itself (rfc6749 §4.4)."""
    state = db.session.get_one(ProviderState, THE_ROW, populate_existing=True)
    return _issue(client, scope=scope, provider_epoch=state.epoch)


def _issue(
    client: Client,
    *,
    scope: str,
    provider_epoch: int,
    not_after: datetime | None = None,
    grant_id: UUID | None = None,
    client_session_id: UUID | None = None,
    family_id: UUID | None = None,
) -> tuple[str, AccessToken]:
    now = clock.now()
    handle = new_handle(ACCESS_TOKEN_PREFIX)
    expires_at = now + current.settings().access_token_lifetime
    token = AccessToken(
        id=new_id(),
        digest=digest_of(handle),
        client_id=client.id,
        grant_id=grant_id,
        client_session_id=client_session_id,
        family_id=family_id,
        scope=scope,
        client_epoch=client.epoch,
        provider_epoch=provider_epoch,
        created_at=now,
        expires_at=min(expires_at, not_after) if not_after else expires_at,
    )
    db.session.add(token)
    return handle, token
