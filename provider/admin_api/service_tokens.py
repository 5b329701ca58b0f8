"""Service tokens, which clients get for themselves and no sign-out ends: list and revoke them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.inputs import Input, Page
from provider.admin_api.operation import Call, Operation, Response
from provider.administration import service_tokens as acts
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.protocol.permissions import Permission
from provider.tokens import service
from provider.tokens.models import AccessToken

ClientID = Annotated[str, Meta(min_length=1, max_length=255)]


class ListServiceTokens(Page, frozen=True, kw_only=True):
    """A filter of service tokens: all, or those of a client."""

    client_id: ClientID | None = None


class ServiceTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A valid service token; the token itself is never shown."""

    id: UUID
    client_id: str
    scope: str
    audience: list[str]
    bound_to: Annotated[list[str], Meta(description="The confirmations (cnf) that bind it to a key.")]
    created_at: datetime
    expires_at: datetime


class ServiceTokenPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of service tokens, newest first."""

    items: list[ServiceTokenView]
    next: UUID | None


class TokensToRevoke(Input, frozen=True, kw_only=True):
    """All service tokens of a client."""

    client_id: ClientID


class RevokedTokens(msgspec.Struct, frozen=True, kw_only=True):
    """The number of revoked tokens."""

    client_id: str
    revoked: int


def list_tokens(call: Call) -> Response:
    """Answer with a page of service tokens."""
    asked: ListServiceTokens = call.query

    def look() -> ServiceTokenPage:
        client = clients.get_by_client_id(asked.client_id) if asked.client_id else None
        found = service.list_valid(client, after=asked.after, limit=asked.limit + 1)
        shown = found[: asked.limit]
        more = shown[-1][0].id if len(found) > asked.limit else None
        return ServiceTokenPage(items=[_view(*one) for one in shown], next=more)

    return Response(body=call.read(look))


def revoke_token(call: Call, token_id: UUID) -> Response:
    """Revoke one service token."""

    def act() -> Response:
        acts.revoke(token_id)
        return Response(status=204)

    return call.transact(act)


def revoke_tokens(call: Call) -> Response:
    """Revoke all service tokens of a client."""
    asked: TokensToRevoke = call.body
    return call.transact(
        lambda: Response(
            body=RevokedTokens(client_id=asked.client_id, revoked=acts.revoke_all(asked.client_id))
        )
    )


def _view(one: AccessToken, client: Client) -> ServiceTokenView:
    return ServiceTokenView(
        id=one.id,
        client_id=client.client_id,
        scope=one.scope,
        audience=list(one.audience or ()),
        bound_to=sorted(one.cnf or {}),
        created_at=one.created_at,
        expires_at=one.expires_at,
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/service-tokens",
        name="list_service_tokens",
        summary="List the valid tokens that clients got for themselves, newest first.",
        permission=Permission.READ,
        view=list_tokens,
        query=ListServiceTokens,
        response=ServiceTokenPage,
    ),
    Operation(
        method="DELETE",
        rule="/service-tokens/<uuid:token_id>",
        name="revoke_service_token",
        summary="Revoke a service token; the next request with it is refused.",
        permission=Permission.END_SESSIONS,
        view=revoke_token,
        status=204,
    ),
    Operation(
        method="POST",
        rule="/service-token-revocations",
        name="revoke_service_tokens",
        summary="Revoke all service tokens of a client.",
        permission=Permission.END_SESSIONS,
        view=revoke_tokens,
        body=TokensToRevoke,
        response=RevokedTokens,
    ),
)
