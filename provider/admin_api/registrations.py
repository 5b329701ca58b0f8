"""Resource servers for which tokens are issued, and the tokens that let others register clients."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.inputs import Input, Instant, Query
from provider.admin_api.operation import Call, Operation, Response, check_version, versioned
from provider.admin_api.owners import ManagedBy
from provider.administration import initial_access_tokens
from provider.administration import resources as acts
from provider.clients import initial_access, queries, resources
from provider.clients.models import InitialAccessToken, Resource, TokenFormat
from provider.infrastructure import owned_objects
from provider.protocol.permissions import Permission

Identifier = Annotated[str, Meta(min_length=1, max_length=2000, description="A URI.")]
Seconds = Annotated[int, Meta(ge=1, le=31_536_000, description="Seconds.")]
Scope = Annotated[str, Meta(min_length=1, max_length=255)]
Label = Annotated[str, Meta(min_length=1, max_length=200)]


class NewResource(Input, frozen=True, kw_only=True):
    """A resource server to register."""

    identifier: Identifier
    name: Label | None = None
    access_token_format: TokenFormat = TokenFormat.OPAQUE
    access_token_signing_alg: Annotated[str, Meta(max_length=16)] | None = None
    access_token_lifetime: Seconds | None = None
    scopes: Annotated[list[Scope], Meta(max_length=200)] = msgspec.field(default_factory=list)
    # The client as which it authenticates at introspection.
    client_id: Annotated[str, Meta(max_length=255)] | None = None


class ResourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A resource server."""

    id: UUID
    identifier: str
    name: str | None
    access_token_format: str
    access_token_signing_alg: str | None
    access_token_lifetime: int | None
    scopes: list[str]
    client_id: str | None
    managed_by: ManagedBy
    created_at: datetime


class ResourceList(msgspec.Struct, frozen=True, kw_only=True):
    """The resource servers, by their identifiers."""

    items: list[ResourceView]


class ListResources(Query, frozen=True, kw_only=True):
    """A filter of resource servers."""

    identifier: Identifier | None = None


class NewInitialAccessToken(Input, frozen=True, kw_only=True):
    """A token to create; null allows any number of uses."""

    name: Label | None = None
    most_uses: Annotated[int, Meta(ge=1, le=1_000_000)] | None = 1
    expires_at: Instant | None = None


class InitialAccessTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token that lets others register clients, without the token itself."""

    id: UUID
    name: str | None
    most_uses: int | None
    uses: int
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class MadeInitialAccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new token, shown only once."""

    initial_access_token: InitialAccessTokenView
    token: str


class InitialAccessTokenList(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens, oldest first."""

    items: list[InitialAccessTokenView]


def list_resources(call: Call) -> Response:
    """Answer with all resource servers, or with one."""
    asked: ListResources = call.query

    def look() -> ResourceList:
        found = resources.list_resources()
        wanted = [one for one in found if asked.identifier in (None, one.identifier)]
        return ResourceList(items=_views(wanted))

    return Response(body=call.read(look))


def show_resource(call: Call, resource_id: UUID) -> Response:
    """Answer with one resource server and its version."""
    return versioned(call.read(lambda: _view(resources.get_by_id(resource_id))))


def create_resource(call: Call) -> Response:
    """Register a resource server."""
    asked: NewResource = call.body

    def act() -> Response:
        lifetime = asked.access_token_lifetime
        made = acts.add(
            asked.identifier,
            name=asked.name,
            access_token_format=asked.access_token_format,
            access_token_signing_alg=asked.access_token_signing_alg,
            access_token_lifetime=timedelta(seconds=lifetime) if lifetime is not None else None,
            scopes=asked.scopes,
            client_id=asked.client_id,
        )
        return versioned(_view(made), 201)

    return call.transact(act)


def remove_resource(call: Call, resource_id: UUID) -> Response:
    """Remove a resource server."""

    def act() -> Response:
        found = resources.get_by_id(resource_id, lock=True)
        check_version(_view(found))
        acts.remove(found.identifier)
        return Response(status=204)

    return call.transact(act)


def list_initial_access_tokens(call: Call) -> Response:
    """Answer with the tokens."""
    found = call.read(initial_access.list_tokens)
    return Response(body=InitialAccessTokenList(items=[_token(one) for one in found]))


def create_initial_access_token(call: Call) -> Response:
    """Make a token, which is shown only once."""
    asked: NewInitialAccessToken = call.body

    def act() -> Response:
        row, token = initial_access_tokens.create(
            name=asked.name, most_uses=asked.most_uses, expires_at=asked.expires_at
        )
        made = MadeInitialAccessToken(initial_access_token=_token(row), token=token)
        return Response(body=made, status=201)

    return call.transact(act)


def revoke_initial_access_token(call: Call, token_id: UUID) -> Response:
    """Revoke a token; clients that were registered with it stay."""

    def act() -> Response:
        initial_access_tokens.revoke(token_id)
        return Response(status=204)

    return call.transact(act)


def _view(one: Resource) -> ResourceView:
    return _views([one])[0]


def _views(found: Sequence[Resource]) -> list[ResourceView]:
    owners = owned_objects.owners_of("resource", [one.id for one in found])
    return [_shown(one, owners.get(one.id)) for one in found]


def _shown(one: Resource, owner: str | None) -> ResourceView:
    lifetime = one.access_token_lifetime
    client = queries.find(one.client_id) if one.client_id else None
    return ResourceView(
        id=one.id,
        identifier=one.identifier,
        name=one.name,
        access_token_format=str(one.access_token_format),
        access_token_signing_alg=one.access_token_signing_alg,
        access_token_lifetime=int(lifetime.total_seconds()) if lifetime is not None else None,
        scopes=one.scopes.split(),
        client_id=client.client_id if client else None,
        managed_by=owner,
        created_at=one.created_at,
    )


def _token(one: InitialAccessToken) -> InitialAccessTokenView:
    names = InitialAccessTokenView.__struct_fields__
    return InitialAccessTokenView(**{name: getattr(one, name) for name in names})


_RESOURCES, _TOKENS = "/resources", "/initial-access-tokens"
_READ, _WRITE = Permission.READ, Permission.CHANGE_CLIENTS
OPERATIONS = (
    Operation(
        method="GET",
        rule=_RESOURCES,
        name="list_resources",
        summary="List the resource servers for which access tokens are issued.",
        permission=_READ,
        view=list_resources,
        query=ListResources,
        response=ResourceList,
    ),
    Operation(
        method="POST",
        rule=_RESOURCES,
        name="create_resource",
        summary="Register a resource server.",
        permission=_WRITE,
        view=create_resource,
        body=NewResource,
        response=ResourceView,
        status=201,
    ),
    Operation(
        method="GET",
        rule=f"{_RESOURCES}/<uuid:resource_id>",
        name="show_resource",
        summary="Show a resource server.",
        permission=_READ,
        view=show_resource,
        response=ResourceView,
        shows_version=True,
    ),
    Operation(
        method="DELETE",
        rule=f"{_RESOURCES}/<uuid:resource_id>",
        name="remove_resource",
        summary="Remove a resource server: no token is issued for it any more.",
        permission=_WRITE,
        view=remove_resource,
        status=204,
        versioned=True,
    ),
    Operation(
        method="GET",
        rule=_TOKENS,
        name="list_initial_access_tokens",
        summary="List the tokens that let others register clients.",
        permission=_READ,
        view=list_initial_access_tokens,
        response=InitialAccessTokenList,
    ),
    Operation(
        method="POST",
        rule=_TOKENS,
        name="create_initial_access_token",
        summary="Create an initial access token; it is shown only once.",
        permission=_WRITE,
        view=create_initial_access_token,
        body=NewInitialAccessToken,
        response=MadeInitialAccessToken,
        status=201,
        fresh=True,
    ),
    Operation(
        method="DELETE",
        rule=f"{_TOKENS}/<uuid:token_id>",
        name="revoke_initial_access_token",
        summary="Revoke an initial access token; clients that were registered with it stay.",
        permission=_WRITE,
        view=revoke_initial_access_token,
        status=204,
    ),
)
