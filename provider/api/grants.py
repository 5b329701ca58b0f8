"""List and revoke the grants of a person."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request

from provider.api import responses
from provider.api.account_route import account_route
from provider.api.caller import Caller, authenticate
from provider.api.openapi_account import PAGE, operation
from provider.api.pages import PageRequest
from provider.clients.models import Client
from provider.grants import queries as grants
from provider.grants.models import Grant
from provider.holdings.queries import list_held_grants
from provider.infrastructure.database import in_transaction, reading
from provider.logout.models import LogoutReason
from provider.logout.withdraw import withdraw_grant
from provider.protocol.errors import NotFound
from provider.web.openapi import as_json, in_path, response, schema
from provider.web.parameters import read_parameters


def list_grants() -> Response:
    """Answer with a page of the person's live grants, newest first."""
    caller = authenticate()
    page = PageRequest.read(read_parameters(request))
    with reading():
        held = list_held_grants(caller.account.id, after=page.after, limit=page.limit + 1)
    shown = held[: page.limit]
    return jsonify(
        grants=[_shown(grant, client, current=grant.id == caller.grant.id) for grant, client in shown],
        next=str(shown[-1][0].id) if len(held) > page.limit else None,
    )


def revoke_grant(grant_id: UUID) -> Response:
    """Revoke one grant of the person; the response is the same if it was already revoked."""
    caller = authenticate()
    in_transaction(lambda: _revoke(grant_id, caller))
    return responses.nothing()


def _revoke(grant_id: UUID, caller: Caller) -> None:
    grant = grants.find(grant_id)
    if grant is None or grant.account_id != caller.account.id:
        raise NotFound("there is no such grant")
    withdraw_grant(grant, caller.cause(LogoutReason.CONSENT_WITHDRAWN))


def _shown(grant: Grant, client: Client, *, current: bool) -> dict[str, Any]:
    return {
        "id": str(grant.id),
        "current": current,
        "app": responses.app(client),
        "scope": grant.scope,
        "claims": grant.claims or [],
        "resources": grant.resources,
        "offline": grant.offline,
        "created_at": responses.instant(grant.created_at),
        "until": responses.instant(grant.expires_at),
    }


ROUTES = (
    account_route(
        "/account/grants",
        "list_grants",
        list_grants,
        "GET",
        operation(
            "listGrants",
            "The person's grants, newest first.",
            {"200": as_json("A page of grants.", schema("Grants"))},
            parameters=PAGE,
        ),
    ),
    account_route(
        "/account/grants/<uuid:grant_id>",
        "revoke_grant",
        revoke_grant,
        "DELETE",
        operation(
            "revokeGrant",
            "Sign out of one app and revoke its grant, including offline access.",
            {"204": response("Done"), "404": response("Unknown")},
            parameters=[in_path("grant_id", "The grant's id.")],
        ),
    ),
)
