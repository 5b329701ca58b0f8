"""Acts on the resource servers that access tokens may be meant for (rfc8707)."""

from collections.abc import Collection
from datetime import timedelta

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import queries, resources
from provider.clients.models import Resource, TokenFormat


def add(
    identifier: str,
    *,
    name: str | None = None,
    access_token_format: TokenFormat = TokenFormat.OPAQUE,
    access_token_signing_alg: str | None = None,
    access_token_lifetime: timedelta | None = None,
    scopes: Collection[str] = (),
    client_id: str | None = None,
) -> Resource:
    """Register a resource server; `client_id` names the client with which it authenticates at introspection.

    Raises UnknownClient, InvalidResource or IdentifierTaken.
    """
    made = resources.add(
        identifier,
        name=name,
        access_token_format=access_token_format,
        access_token_signing_alg=access_token_signing_alg,
        access_token_lifetime=access_token_lifetime,
        scopes=scopes,
        client=queries.get_by_client_id(client_id) if client_id else None,
    )
    record(EventTag.RESOURCE_ADDED, actor="admin", client_id=client_id, resource=identifier)
    return made


def update(
    known: Resource,
    *,
    name: str | None = None,
    access_token_format: TokenFormat = TokenFormat.OPAQUE,
    access_token_signing_alg: str | None = None,
    access_token_lifetime: timedelta | None = None,
    scopes: Collection[str] = (),
    client_id: str | None = None,
) -> None:
    """Replace everything about a locked resource server; issued tokens stay as they are.

    Raises UnknownClient or InvalidResource.
    """
    before = resources.values_of(known)
    resources.update(
        known,
        name=name,
        access_token_format=access_token_format,
        access_token_signing_alg=access_token_signing_alg,
        access_token_lifetime=access_token_lifetime,
        scopes=scopes,
        client=queries.get_by_client_id(client_id) if client_id else None,
    )
    after = resources.values_of(known)
    changed = sorted(one for one in after if before[one] != after[one])
    record(
        EventTag.RESOURCE_UPDATED,
        actor="admin",
        resource=known.identifier,
        changed=changed,
        before={one: before[one] for one in changed},
        after={one: after[one] for one in changed},
    )


def remove(identifier: str) -> None:
    """Remove a resource server: no token is issued for it any more. Raises UnknownResource."""
    resources.remove(identifier)
    record(EventTag.RESOURCE_REMOVED, actor="admin", resource=identifier)
