"""Clients: the list with their health, and one client in full."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app, request
from sqlalchemy import select, tuple_
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.audit.queries import list_client_changes
from provider.clients import options, queries
from provider.clients.models import Client
from provider.clients.own import is_own
from provider.clients.problems import list_problems
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS, Asked, listing, place
from provider.delivery import degraded
from provider.delivery.models import EndpointHealth
from provider.infrastructure import current
from provider.infrastructure.database import db, reading
from provider.infrastructure.owned_objects import owner_of, owners_of
from provider.inspection.client_configuration import Configuration, configuration_of
from provider.inspection.client_lint import lint
from provider.logout.notice import BACKCHANNEL_LOGOUT, recipient_of
from provider.protocol.client_metadata import DECLARED
from provider.sessions.models import ClientSession
from provider.web.routes import table

_CHANGES = 20
_LAST_ID = UUID(int=2**128 - 1)
_NOTHING: tuple[object, ...] = (None, (), False)
SENTENCES = {
    "changed": "The client is changed.",
    "enabled": "The client is enabled again. What was revoked stays revoked.",
    "disabled": "The client is disabled: all of its requests and tokens are refused from now on.",
    "tried": "Its endpoint is tried now. If that succeeds, what waits for it follows at once.",
    "not_tried": "Nothing was changed: nothing waits, or it is tried as soon anyway.",
    "removed": "The client is removed. Notifications that it is owed are still sent.",
}


def show_list() -> Response:
    """Show the clients, oldest first."""
    asked = Asked.read("q")
    with reading():
        wanted = queries.Filter(text=asked.get("q"))
        found = queries.search(wanted, after=place(), limit=ROWS + 1)
        shown = [one for one in found[:ROWS] if not is_own(one)]
        context: dict[str, Any] = {"used": _last_used(shown), "health": _health(shown)}
        context["owners"] = owners_of("client", [one.id for one in shown])
    last = found[:ROWS][-1].id if found else None
    return console_page(
        "console/clients.html",
        "console.clients",
        asked=asked,
        listing=listing(found, last, "console.clients", asked.values, ROWS),
        shown=shown,
        done=SENTENCES.get(request.args.get("done", "")),
        **context,
    )


def _last_used(clients: Sequence[Client]) -> Mapping[UUID, datetime]:
    """Return the start of each app's newest client session that has not ended.

    Served by ix_client_session_client_id_living alone. If asked for the newest one of a client, PostgreSQL
    may scan those of all other clients before it finds that an app has none. The query therefore takes the
    last one at or before the client's end in this index; if that belongs to another client, the app has none.
    """
    place = tuple_(ClientSession.client_id, ClientSession.id)
    last = (
        select(ClientSession.id)
        .where(ClientSession.ended_at.is_(None), place <= tuple_(Client.id, _LAST_ID))
        .order_by(ClientSession.client_id.desc(), ClientSession.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    ids = [one.id for one in clients]
    found = select(ClientSession.client_id, ClientSession.created_at).where(
        ClientSession.id.in_(select(last).where(Client.id.in_(ids)).scalar_subquery()),
        ClientSession.client_id.in_(ids),
    )
    return {row[0]: row[1] for row in db.session.execute(found)}


def _health(clients: Sequence[Client]) -> Mapping[UUID, EndpointHealth]:
    ids = {one.id for one in clients}
    failing = degraded.list_failing(BACKCHANNEL_LOGOUT)
    return {one.recipient_id: one for one in failing if one.recipient_id in ids}


def show(client_pk: UUID) -> Response:
    """Show a client."""
    software = request.args.get("for")
    with reading():
        client = get(client_pk)
        context: dict[str, Any] = {
            "health": degraded.find_failing(recipient_of(client.id)),
            "waiting": degraded.count_waiting(recipient_of(client.id)),
            "used": _last_used([client]).get(client.id),
            "problems": list_problems(client),
            "changes": list_client_changes(client.client_id, _CHANGES),
            "owner": owner_of("client", client.id),
        }
    return console_page(
        "console/client.html",
        "console.clients",
        client=client,
        lint=lint(client),
        registered=_fields(client, registered=True),
        defaults=_fields(client, registered=False),
        options=options.values_of(client),
        configuration=ready_to_paste(client, software),
        done=SENTENCES.get(request.args.get("done", "")),
        **context,
    )


def _fields(client: Client, *, registered: bool) -> list[tuple[str, Any, str]]:
    """Return name, value and meaning of the registered fields, or of those left at their default."""
    metadata, known = client.metadata_, client.registered
    values = [(one.name, getattr(metadata, one.name), one.metadata["meaning"]) for one in DECLARED]
    return [one for one in values if (one[0] in known and one[1] not in _NOTHING) is registered]


def ready_to_paste(client: Client, software: str | None = None) -> Configuration:
    """Return the configuration for a client's software, with the addresses of this provider."""
    return configuration_of(client, table(current_app).addresses(current.settings()), software)


def get(client_pk: UUID) -> Client:
    """Return a client, or answer 404 if it was removed or is part of the provider."""
    client = queries.find(client_pk)
    if client is None or client.deleted_at is not None or is_own(client):
        raise NotFound
    return client


ROUTES = (
    page_route("/clients", "clients", show_list),
    page_route("/clients/<uuid:client_pk>", "client", show),
)
