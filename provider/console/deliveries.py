"""Deliveries: the list, and one with its attempts; resend or cancel them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.administration import deliveries as acts
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.console import gate
from provider.console.export import MOST_EXPORTED, csv_file
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS, Asked, listing, place
from provider.delivery import degraded, queries
from provider.delivery.models import REFUSING, Delivery, DeliveryState
from provider.infrastructure.database import db, reading
from provider.logout import notice
from provider.logout.models import Logout
from provider.protocol.permissions import Permission
from provider.web.redirects import redirect_to

STATES = (*(state.value for state in DeliveryState), REFUSING)
DONE = {"resent": "due now; workers send them", "cancelled": "cancelled"}
NONE_DONE = {
    "resent": "Nothing was changed: the chosen deliveries need no further attempt, or one is under way.",
    "cancelled": "Nothing was changed: only pending deliveries can be cancelled.",
}
MISTAKES = {
    "none_chosen": "Nothing was changed: choose deliveries first.",
    "no_reason": "Not cancelled: give a reason of at most 500 characters.",
}
_HERE = "console.deliveries"
_FILTERS = ("state", "client", "since", "until")
_FIELDS = (
    *("id", "kind", "created_at", "attempt_count", "first_attempt_at", "last_outcome", "last_status"),
    *("next_attempt_at", "finished_at", "expires_at", "cancel_reason", "correlation_id"),
)
_COLUMNS = ("id", "client_id", "state", "logout_id", *_FIELDS[1:])


def show_list() -> Response:
    """Show the deliveries, newest first."""
    asked = Asked.read(*_FILTERS)
    with reading():
        found = _found(asked, before=place(), limit=ROWS + 1)
        shown = found[:ROWS]
        named = {one.recipient_id: clients.find(one.recipient_id) for one in shown}
        held = degraded.list_held_until({one.recipient for one in shown})
    return console_page(
        "console/deliveries.html",
        _HERE,
        asked=asked,
        listing=listing(found, shown[-1].id if shown else None, _HERE, asked.values, ROWS),
        clients=named,
        held=held,
        states=STATES,
        sentence=_mistake(),
        done=_done_sentence(),
        place=Asked.read(*_FILTERS, "after").values,
        export_url=url_for("console.deliveries_export", **asked.values),
    )


def _mistake() -> str | None:
    done = request.args.get("done", "")
    sentences = NONE_DONE if request.args.get("count", type=int) == 0 else MISTAKES
    return sentences.get(done)


def _done_sentence() -> str | None:
    count, what = request.args.get("count", type=int), DONE.get(request.args.get("done", ""))
    if not count or what is None:
        return None
    return f"{count:,} deliver{'y' if count == 1 else 'ies'} {what}."


def _found(asked: Asked, *, before: UUID | None = None, limit: int) -> list[Delivery]:
    state, client = _state(asked), _client(asked)
    since, until = asked.instant("since"), asked.instant("until")
    if asked.mistakes:
        return []
    return queries.list_deliveries(
        state=state,
        recipient_id=client.id if client else None,
        since=since,
        until=until,
        before=before,
        limit=limit,
    )


def export() -> Response:
    """Return the filtered deliveries as CSV."""
    asked = Asked.read(*_FILTERS)
    with reading():
        found = _found(asked, limit=MOST_EXPORTED)
        names = clients.client_ids_of({one.recipient_id for one in found})
    rows = ({name: getattr(one, name) for name in _FIELDS} | _renamed(one, names) for one in found)
    return csv_file("curfew-deliveries", _COLUMNS, rows)


def _renamed(one: Delivery, names: dict[UUID, str]) -> dict[str, object]:
    return {"client_id": names[one.recipient_id], "state": one.shown_state, "logout_id": one.cause_id}


def submit_chosen() -> Response:
    """Send the chosen deliveries again, or cancel them with a reason."""
    form, ids = request.form, _chosen(request.form.getlist("delivery"))
    place: dict[str, Any] = {name: form[name] for name in (*_FILTERS, "after") if form.get(name)}
    if not ids:
        return redirect_to(_HERE, **place, done="none_chosen")
    if form.get("do") != "cancel":
        changed = gate.act(Permission.CHANGE_DELIVERIES, lambda _who: len(acts.retry_these(ids)))
        return redirect_to(_HERE, **place, done="resent", count=changed)
    try:
        reason = acts.checked_reason(form.get("reason", ""))
    except acts.InvalidReason:
        return redirect_to(_HERE, **place, done="no_reason")
    changed = gate.act(Permission.CHANGE_DELIVERIES, lambda _who: len(acts.cancel_these(ids, reason)))
    return redirect_to(_HERE, **place, done="cancelled", count=changed)


def _chosen(names: list[str]) -> list[UUID]:
    """Return the chosen identifiers, at most one page of them, in an order that all requests share."""
    try:
        return sorted({UUID(name) for name in names})[:ROWS]
    except ValueError as exc:
        raise NotFound from exc


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
        _HERE,
        status,
        delivery=found,
        of_logout=notice.of(found),
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
        return redirect_to("console.delivery", delivery_id=delivery_id)
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


_CHANGES = Permission.CHANGE_DELIVERIES
ROUTES = (
    page_route("/deliveries", "deliveries", show_list),
    page_route("/deliveries/export", "deliveries_export", export),
    page_route("/deliveries", "deliveries_submit", submit_chosen, needs=_CHANGES, methods=("POST",)),
    page_route("/deliveries/<uuid:delivery_id>", "delivery", show),
    page_route(
        "/deliveries/<uuid:delivery_id>",
        "delivery_submit",
        submit,
        needs=Permission.CHANGE_DELIVERIES,
        methods=("POST",),
    ),
)
