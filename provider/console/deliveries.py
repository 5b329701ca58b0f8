"""Deliveries: the list, one of them with its attempts, and sending again or giving up."""

from collections.abc import Callable
from uuid import UUID

from flask import request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from provider.administration import deliveries as acts
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.console import gate
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS, Asked, listing, place
from provider.delivery import degraded, queries
from provider.delivery.models import REFUSING, Delivery, DeliveryState
from provider.infrastructure.database import db, reading
from provider.logout import notice
from provider.logout.models import Logout
from provider.protocol.permissions import Permission

STATES = (*(state.value for state in DeliveryState), REFUSING)


def show_list() -> Response:
    """Show the deliveries, newest first."""
    asked = Asked.read("state", "client")
    with reading():
        state, client = _state(asked), _client(asked)
        found: list[Delivery] = []
        if not asked.mistakes:
            found = queries.list_deliveries(
                state=state, recipient_id=client.id if client else None, before=place(), limit=ROWS + 1
            )
        shown = found[:ROWS]
        named = {one.recipient_id: clients.find(one.recipient_id) for one in shown}
        held = degraded.list_held_until({one.recipient for one in shown})
    return console_page(
        "console/deliveries.html",
        "console.deliveries",
        asked=asked,
        listing=listing(found, shown[-1].id if shown else None, "console.deliveries", asked.values, ROWS),
        clients=named,
        held=held,
        states=STATES,
    )


def _state(asked: Asked) -> str | None:
    state = asked.get("state")
    if state is not None and state not in STATES:
        asked.mistakes.append("There is no such state.")
    return state


def _client(asked: Asked) -> Client | None:
    named = asked.get("client")
    client = clients.find_by_client_id(named) if named else None
    if named and client is None:
        asked.mistakes.append("There is no client with this client_id.")
    return client


def show(delivery_id: UUID, sentence: str | None = None, status: int = 200) -> Response:
    """Show one delivery with its attempts."""
    with reading():
        found = _get(delivery_id)
        attempts = queries.list_attempts(found.id)
        client = clients.find(found.recipient_id)
        logout = db.session.get(Logout, found.cause_id) if found.cause_id else None
        held = degraded.list_held_until([found.recipient]).get(found.recipient)
    return console_page(
        "console/delivery.html",
        "console.deliveries",
        status,
        delivery=found,
        told=notice.of(found),
        attempts=attempts,
        client=client,
        logout=logout,
        held=held,
        is_final=DeliveryState(found.state).is_final,
        sentence=sentence,
    )


def submit(delivery_id: UUID) -> Response:
    """Send a delivery again, or cancel it with a reason."""
    if request.form.get("do") == "cancel":
        return _cancel(delivery_id, request.form.get("reason", ""))
    return _done(delivery_id, acts.retry)


def _cancel(delivery_id: UUID, typed: str) -> Response:
    try:
        reason = acts.checked_reason(typed)
    except acts.InvalidReason as exc:
        return show(delivery_id, f"Not cancelled: {exc}.", 400)
    return _done(delivery_id, lambda found: acts.cancel(found, reason))


def _done(delivery_id: UUID, do: Callable[[Delivery], bool]) -> Response:
    if gate.act(Permission.CHANGE_DELIVERIES, lambda _who: do(_get(delivery_id))):
        return redirect(url_for("console.delivery", delivery_id=delivery_id), 303)
    return show(
        delivery_id,
        "Nothing was changed: it has ended meanwhile, or an attempt is under way at this moment.",
        409,
    )


def _get(delivery_id: UUID) -> Delivery:
    try:
        return queries.get(delivery_id)
    except queries.UnknownDelivery as exc:
        raise NotFound from exc


ROUTES = (
    page_route("/deliveries", "deliveries", show_list),
    page_route("/deliveries/<uuid:delivery_id>", "delivery", show),
    page_route(
        "/deliveries/<uuid:delivery_id>",
        "delivery_submit",
        submit,
        needs=Permission.CHANGE_DELIVERIES,
        methods=("POST",),
    ),
)
