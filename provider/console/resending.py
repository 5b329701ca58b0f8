"""Resending many deliveries: those of a client, of a span of time, or both; counted before it is done."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from flask import request
from sqlalchemy import ColumnElement, func, literal_column, select
from werkzeug.wrappers import Response

from provider.administration import deliveries as acts
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.console import gate
from provider.console.gate import Administrator
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import Asked
from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.database import db, reading
from provider.protocol.permissions import Permission
from provider.web.redirects import redirect_to

_STATES = {
    "unaccepted": (DeliveryState.PENDING, DeliveryState.EXPIRED),
    "cancelled": (DeliveryState.CANCELLED,),
}
_MOST_COUNTED = 10_000
# Deliveries per transaction, and per request: a longer request would be cut off.
_BATCH, _MOST_AT_ONCE = 500, 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The deliveries to resend."""

    client: Client | None
    states: tuple[DeliveryState, ...]
    since: datetime | None
    until: datetime | None

    @property
    def is_bounded(self) -> bool:
        """Whether the span selects less than everything."""
        return bool(self.client or self.since or self.until)


def show(sentence: str | None = None, status: int = 200) -> Response:
    """Ask which deliveries to resend, and show their number."""
    asked = Asked.read("client", "since", "until", "states")
    with reading():
        span = _read(asked)
        count = _count(span) if span and span.is_bounded else None
    return console_page(
        "console/resend.html",
        "console.deliveries",
        status,
        asked=asked,
        count=count,
        most=_MOST_COUNTED,
        done=request.args.get("done", type=int),
        sentence=sentence,
    )


def submit() -> Response:
    """Make the deliveries due at once, in batches of one transaction each."""
    asked = Asked.read("client", "since", "until", "states")
    span = _read(asked)
    if span is None or not span.is_bounded:
        return show("Name a client, a span of time, or both.", 400)
    done = 0
    last: UUID | None = None
    while done < _MOST_AT_ONCE:
        found = gate.act(Permission.CHANGE_DELIVERIES, partial(_batch, span, last))
        if not found:
            break
        done, last = done + len(found), found[-1].id
    return redirect_to("console.resend", **asked.values, done=done)


def _batch(span: Span, after: UUID | None, _who: Administrator) -> list[Delivery]:
    return acts.retry_some(
        states=span.states,
        client_pk=span.client.id if span.client else None,
        since=span.since,
        until=span.until,
        after=after,
        limit=_BATCH,
    )


def _read(asked: Asked) -> Span | None:
    named = asked.get("client")
    client = clients.find_by_client_id(named) if named else None
    if named and client is None:
        asked.mistakes.append("There is no client with this client_id.")
    states = _STATES.get(asked.get("states") or "unaccepted")
    if states is None:
        asked.mistakes.append("There are no such states.")
    since, until = asked.instant("since"), asked.instant("until")
    if asked.mistakes or states is None:
        return None
    return Span(client=client, states=states, since=since, until=until)


def _count(span: Span) -> int:
    """Count the deliveries to resend, up to a limit. Served by ix_delivery_client_id_created_at."""
    one: ColumnElement[int] = literal_column("1")
    wanted = select(one).select_from(Delivery).where(Delivery.state.in_(span.states))
    if span.client is not None:
        wanted = wanted.where(Delivery.recipient_id == span.client.id)
    if span.since is not None:
        wanted = wanted.where(Delivery.created_at >= span.since)
    if span.until is not None:
        wanted = wanted.where(Delivery.created_at < span.until)
    limited = wanted.limit(_MOST_COUNTED + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(limited)) or 0


ROUTES = (
    page_route("/deliveries/resend", "resend", show, needs=Permission.CHANGE_DELIVERIES),
    page_route(
        "/deliveries/resend",
        "resend_submit",
        submit,
        needs=Permission.CHANGE_DELIVERIES,
        methods=("POST",),
    ),
)
