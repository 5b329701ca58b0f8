"""Clients: list, register, change, rotate the secret, remove."""

from datetime import timedelta
from typing import Any

import msgspec

from provider.admin_api import inputs
from provider.admin_api.client_models import (
    ClientPage,
    ClientPatch,
    ClientState,
    ClientView,
    ListClients,
    MadeClient,
    NewClient,
    RemovalPreview,
    RotatedSecret,
    SecretRotation,
    check_members,
    options_of,
    view_of,
    views_of,
)
from provider.admin_api.operation import Call, Operation, Response, check_version, versioned
from provider.administration import client_credentials, clients
from provider.administration.permissions import NotPermitted, Rights
from provider.clients import own, queries, recipes
from provider.clients.models import Client
from provider.delivery.degraded import count_waiting
from provider.logout.bulk.queries import measure
from provider.logout.models import BulkKind
from provider.logout.notice import recipient_of
from provider.protocol.client_registration import read_registration
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput
from provider.protocol.redirect_uri_rules import unwise_uris


def list_clients(call: Call) -> Response:
    """Answer with a page of clients."""
    asked: ListClients = call.query
    wanted = queries.Filter(text=asked.q, client_id=asked.client_id, enabled=asked.enabled)

    def look() -> ClientPage:
        found = queries.search(wanted, after=asked.after, limit=asked.limit + 1)
        shown = found[: asked.limit]
        more = shown[-1].id if len(found) > asked.limit else None
        return ClientPage(items=views_of(shown), next=more)

    return Response(body=call.read(look))


def show_client(call: Call, client_id: str) -> Response:
    """Answer with one client and its version."""
    return versioned(call.read(lambda: view_of(queries.get_by_client_id(client_id))))


def create_client(call: Call) -> Response:
    """Register a client, and answer with its secret, which is shown only once."""
    asked: NewClient = call.body
    check_members(asked.metadata)
    if asked.recipe is not None and asked.recipe not in recipes.list_names():
        raise InvalidInput("the recipe is unknown", [("/recipe", "is not in GET /recipes")])
    metadata = read_registration(
        clients.PRESELECTED | asked.metadata, may_be_unwise=lambda _: asked.accept_unwise_redirect_uris
    )
    call.caller.rights.check_over_scopes(metadata.scopes)
    options = asked.options.as_options()
    clients.check_reachable(metadata, options)

    def act() -> Response:
        made = clients.register(metadata, options, client_id=asked.client_id, recipe=asked.recipe)
        view = view_of(made.client)
        return versioned_made(MadeClient(client=view, client_secret=made.secret), 201)

    return call.transact(act)


def patch_client(call: Call, client_id: str) -> Response:
    """Change a client, if it has not changed since the sender read it."""
    asked: ClientPatch = call.body
    known = call.read(lambda: queries.get_by_client_id(client_id))
    rights = call.caller.rights
    _check_over(rights, known)
    target = _target(known, call.document)
    check_members(target.metadata)
    accepted = unwise_uris(known.metadata_)
    metadata = read_registration(
        target.metadata,
        may_be_unwise=lambda uri: asked.accept_unwise_redirect_uris or uri in accepted,
        registered=known.metadata_,
    )
    rights.check_over_scopes(metadata.scopes)
    options = target.options.as_options()
    clients.check_reachable(metadata, options)
    seen_at = known.updated_at

    def act() -> Response:
        client = clients.lock_as_seen(client_id, seen_at)
        check_version(view_of(client))
        enabled = target.enabled if target.enabled != (client.disabled_at is None) else None
        secret = clients.update(client, metadata, options, enabled=enabled, keep_tokens=asked.keep_tokens)
        return versioned_made(MadeClient(client=view_of(client), client_secret=secret))

    return call.transact(act)


def remove_client(call: Call, client_id: str) -> Response:
    """Remove a client and revoke everything issued to it."""

    def act() -> Response:
        client = queries.lock(client_id)
        _check_is_app(client)
        check_version(view_of(client))
        clients.remove(client)
        return Response(status=204)

    return call.transact(act)


def preview_removal(call: Call, client_id: str) -> Response:
    """Answer with what the removal of a client would end."""

    def look() -> RemovalPreview:
        client = queries.get_by_client_id(client_id)
        reach = measure(BulkKind.CLIENT, client=client)
        return RemovalPreview(
            client_sessions=reach.client_sessions,
            grants=reach.grants,
            service_tokens=reach.service_tokens or 0,
            pending_notifications=count_waiting(recipient_of(client.id)),
        )

    return Response(body=call.read(look))


def rotate_secret(call: Call, client_id: str) -> Response:
    """Give a client a new secret, which is shown only once."""
    asked: SecretRotation = call.body

    def act() -> Response:
        client = queries.lock(client_id)
        _check_over(call.caller.rights, client)
        rotated = client_credentials.rotate_secret(
            client, overlap=timedelta(seconds=asked.overlap), keep_tokens=asked.keep_tokens
        )
        return Response(
            body=RotatedSecret(
                client_id=client.client_id,
                client_secret=rotated.secret,
                previous_secret_expires_at=client.previous_secret_expires_at,
                service_tokens_ended=rotated.service_tokens_ended,
            )
        )

    return call.transact(act)


def versioned_made(made: MadeClient, status: int = 200) -> Response:
    """Return a created or changed client with the ETag that a GET of the client would return."""
    return Response(body=made, status=status, headers=versioned(made.client).headers)


def _check_over(rights: Rights, client: Client) -> None:
    _check_is_app(client)
    rights.check_over_scopes(client.metadata_.scopes)


def _check_is_app(client: Client) -> None:
    if own.is_own(client):
        raise NotPermitted(
            f"{client.client_id} is a part of the provider, and is changed by the command alone"
        )


def _target(known: Client, document: Any) -> ClientState:
    """Return the state of a client after a merge patch. Raises InvalidInput."""
    metadata, enabled = known.metadata_.to_wire(), known.disabled_at is None
    current = msgspec.to_builtins({"metadata": metadata, "options": options_of(known), "enabled": enabled})
    target = inputs.merged(current, {name: document[name] for name in current if name in document})
    return inputs.convert(target, ClientState)


_ONE, _WRITE = "/clients/<client_id:client_id>", Permission.CHANGE_CLIENTS
OPERATIONS = (
    Operation(
        method="GET",
        rule="/clients",
        name="list_clients",
        summary="List clients, oldest first.",
        permission=Permission.READ,
        view=list_clients,
        query=ListClients,
        response=ClientPage,
    ),
    Operation(
        method="POST",
        rule="/clients",
        name="create_client",
        summary="Register a client; its secret is shown only once.",
        permission=_WRITE,
        view=create_client,
        body=NewClient,
        response=MadeClient,
        status=201,
    ),
    Operation(
        method="GET",
        rule=_ONE,
        name="show_client",
        summary="Show a client.",
        permission=Permission.READ,
        view=show_client,
        response=ClientView,
        shows_version=True,
    ),
    Operation(
        method="PATCH",
        rule=_ONE,
        name="patch_client",
        summary="Change a client.",
        description="The response has a secret if the client now needs one and had none. Where a credential "
        "is withdrawn, the client's service tokens end unless keep_tokens is true.",
        permission=_WRITE,
        view=patch_client,
        body=ClientPatch,
        response=MadeClient,
        versioned=True,
    ),
    Operation(
        method="DELETE",
        rule=_ONE,
        name="remove_client",
        summary="Remove a client and revoke everything issued to it; pending notifications are still sent.",
        permission=_WRITE,
        view=remove_client,
        status=204,
        versioned=True,
        fresh=True,
    ),
    Operation(
        method="GET",
        rule="/client-removal-previews/<client_id:client_id>",
        name="preview_client_removal",
        summary="Count what the removal of a client would end.",
        permission=Permission.READ,
        view=preview_removal,
        response=RemovalPreview,
    ),
    Operation(
        method="POST",
        rule="/client-secrets/<client_id:client_id>",
        name="rotate_client_secret",
        summary="Replace a client's secret; the replaced one works on for the overlap.",
        permission=_WRITE,
        view=rotate_secret,
        body=SecretRotation,
        response=RotatedSecret,
        fresh=True,
    ),
)
