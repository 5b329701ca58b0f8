"""The service level of sign-out: the share of notifications accepted within a minute, and the missed ones."""

from flask import url_for
from werkzeug.wrappers import Response

from provider.clients import queries as clients
from provider.clients.models import Client
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS, Asked, listing, place
from provider.infrastructure import clock
from provider.infrastructure.database import reading
from provider.inspection.slo import MOST_CLIENTS, OBJECTIVE, ServiceLevel, Window, list_missed, look
from provider.logout.notification.punctuality import Punctuality

MISSED = (Punctuality.LATE, Punctuality.UNREACHABLE)
WORDS = {
    Window.HOUR: "last hour",
    Window.DAY: "last 24 hours",
    Window.MONTH: "last 30 days",
    Punctuality.LATE: "late",
    Punctuality.UNREACHABLE: "app unreachable",
}


def show() -> Response:
    """Show the shares of each window in total, and of one window by client."""
    asked = Asked.read("window", "client")
    with reading():
        client, window = _client(asked), _window(asked)
        client_pk = client.id if client else None
        levels = {} if asked.mistakes else {one: look(one, client_pk=client_pk) for one in Window}
        named = _named(levels.get(window))
    return console_page(
        "console/slo.html",
        "console.slo",
        asked=asked,
        window=window,
        levels=levels,
        clients=named,
        objective=OBJECTIVE,
        words=WORDS,
        most=MOST_CLIENTS,
    )


def show_missed() -> Response:
    """Show the notifications behind a number, newest first."""
    asked = Asked.read("why", "window", "client")
    with reading():
        client, window, why = _client(asked), _window(asked), _why(asked)
        found = []
        if not asked.mistakes:
            since = window.since(clock.now())
            client_pk = client.id if client else None
            found = list_missed(why, since=since, client_pk=client_pk, before=place(), limit=ROWS + 1)
        shown = found[:ROWS]
        named = {one.recipient_id: clients.find(one.recipient_id) for one in shown}
    return console_page(
        "console/slo_missed.html",
        "console.slo",
        asked=asked,
        listing=listing(found, shown[-1].id if shown else None, "console.slo_missed", asked.values, ROWS),
        clients=named,
        why=why,
        reasons=MISSED,
        words=WORDS,
        windows=Window,
        window=window,
        back=url_for("console.slo", window=window.value, client=asked.get("client")),
    )


def _named(level: ServiceLevel | None) -> dict[object, Client | None]:
    return (
        {one.client_id: clients.find(one.client_id) for one in level.clients if one.client_id}
        if level
        else {}
    )


def _window(asked: Asked) -> Window:
    named = asked.get("window")
    if named in (None, *Window):
        return Window(named or Window.DAY)
    asked.mistakes.append("A window is 1h, 24h or 30d.")
    return Window.DAY


def _why(asked: Asked) -> Punctuality:
    named = asked.get("why")
    if named in (None, *MISSED):
        return Punctuality(named or Punctuality.LATE)
    asked.mistakes.append("A list is of what is late or unreachable.")
    return Punctuality.LATE


def _client(asked: Asked) -> Client | None:
    named = asked.get("client")
    client = clients.find_by_client_id(named) if named else None
    if named and client is None:
        asked.mistakes.append("There is no client with this client_id.")
    return client


ROUTES = (page_route("/slo", "slo", show), page_route("/slo/missed", "slo_missed", show_missed))
