"""Test clients: add one, list them, change where a client is notified."""

from typing import Any

from flask import Response, jsonify
from werkzeug.exceptions import NotFound

from provider.clients import queries
from provider.clients.models import Client
from provider.dev.api.body import created, member, read_body, refusing
from provider.dev.loopback_uris import ANY_LOOPBACK, takes_any
from provider.dev.only_this_machine import API
from provider.dev.population import NewClient, add_client, change_client
from provider.infrastructure.database import transaction
from provider.web.route import Route, Speaks

_MOST = 1000
_OWN_MEMBERS = ("client_id", "client_secret", "first_party")


def list_clients() -> Response:
    """List the clients, without their secrets."""
    return jsonify({"clients": [shown(one) for one in queries.list_clients(limit=_MOST)]})


@refusing
def add() -> Response:
    """Register a client by its metadata (rfc7591 §2); without redirect URIs it takes any on loopback."""
    given = read_body(None)
    new = NewClient(
        client_id=member(given, "client_id", str, "") or None,
        client_secret=member(given, "client_secret", str, "") or None,
        first_party=member(given, "first_party", bool, True),
        metadata={name: value for name, value in given.items() if name not in _OWN_MEMBERS},
    )
    with transaction():
        made = add_client(new)
    secret = {"client_secret": made.secret} if made.secret else {}
    return created(shown(made.client) | secret)


@refusing
def change(client_id: str) -> Response:
    """Change members of a client's metadata; null removes one."""
    given = read_body(None)
    update(client_id, given)
    return jsonify(shown(get(client_id)))


def update(client_id: str, given: dict[str, Any]) -> None:
    """Change members of a client's metadata. Raises InvalidClientMetadata."""
    get(client_id)
    with transaction():
        change_client(client_id, given)


def get(client_id: str) -> Client:
    """Return a client. Raises NotFound, which is answered in JSON."""
    found = queries.find_by_client_id(client_id)
    if found is None:
        raise NotFound
    return found


def shown(client: Client) -> dict[str, Any]:
    """Return a client's metadata."""
    metadata = client.metadata_.to_wire()
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        metadata[name] = [uri for uri in metadata.get(name, ()) if uri != ANY_LOOPBACK]
    return {
        "client_id": client.client_id,
        "first_party": client.first_party,
        "takes_any_loopback_uri": takes_any(client.metadata_),
        **metadata,
    }


ROUTES = (
    Route(rule=f"{API}/clients", name="clients", view=list_clients, speaks=Speaks.JSON),
    Route(rule=f"{API}/clients", name="add_client", view=add, methods=("POST",), speaks=Speaks.JSON),
    Route(
        rule=f"{API}/clients/<path:client_id>",
        name="change_client",
        view=change,
        methods=("PATCH",),
        speaks=Speaks.JSON,
    ),
)
