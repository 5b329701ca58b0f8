"""Bulk logouts: of a client, of everyone, or of everything begun before an instant; and the running ones.

The console first counts what would end, and the person types a word to confirm. Revoking changes one row and
applies to the next request. Ending the rows and notifying the apps follow, and can be paced or paused.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.clients import queries as clients
from provider.clients.models import Client
from provider.console import gate
from provider.console.guarded import page_route
from provider.console.layout import console_page, part_that_updates
from provider.console.listing import Asked
from provider.infrastructure import clock, current
from provider.infrastructure.database import reading
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import queries, steering
from provider.logout.models import BulkKind, BulkLogout
from provider.protocol.permissions import Permission
from provider.web.redirects import redirect_to

_HERE = "console.incident"
_SHOWN = 20
_FASTEST = 1_000_000
KINDS = {"client": BulkKind.CLIENT, "all": BulkKind.ALL, "before": BulkKind.ISSUED_BEFORE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The bulk logout to be confirmed."""

    kind: BulkKind
    client: Client | None = None
    before: datetime | None = None

    @property
    def word(self) -> str:
        """The text that the person types to confirm."""
        if self.client is not None:
            return self.client.client_id
        return f"{self.before:%Y-%m-%dT%H:%M}" if self.before else "everybody"

    def begin(self) -> BulkLogout:
        """Begin the bulk logout."""
        if self.client is not None:
            return bulk.end_of_client(clients.get_by_client_id(self.client.client_id), "admin")
        if self.before is not None:
            return bulk.end_issued_before(self.before, "admin")
        return bulk.end_everybody("admin")


def show() -> Response:
    """Show the running and past bulk logouts, and the ways to begin one."""
    with reading():
        found = queries.list_bulk_logouts(_SHOWN)
        named = _names(found)
    return console_page("console/incident.html", _HERE, asked=Asked({}), found=found, clients=named)


def _names(found: list[BulkLogout]) -> dict[UUID, Client | None]:
    return {one.client_id: clients.find(one.client_id) for one in found if one.client_id}


def ask(sentence: str | None = None, status: int = 200) -> Response:
    """Show what a bulk logout would end, and ask for confirmation."""
    asked = Asked.read("kind", "client", "before")
    with reading():
        meant = _read(asked)
        if meant is None:
            return console_page(
                "console/incident.html",
                _HERE,
                400,
                asked=asked,
                found=(found := queries.list_bulk_logouts(_SHOWN)),
                clients=_names(found),
            )
        reach = queries.measure(meant.kind, client=meant.client, issued_before=meant.before)
    return console_page(
        "console/incident_confirm.html",
        _HERE,
        status,
        meant=meant,
        reach=reach,
        asked=asked,
        sentence=sentence,
        pace=current.settings().bulk_logout_pace,
    )


def submit() -> Response:
    """Begin a bulk logout, if the confirmation was typed."""
    asked = Asked.read("kind", "client", "before")
    meant = _read(asked)
    if meant is None:
        return ask(status=400)
    if request.form.get("typed", "").strip() != meant.word:
        return ask(f"Nothing was ended: type {meant.word} to confirm.", 400)
    begun = gate.act(Permission.BULK_LOGOUT, lambda _who: meant.begin(), dangerous=True)
    return redirect_to("console.bulk_logout", bulk_logout_id=begun.id)


def _read(asked: Asked) -> Meant | None:
    kind = KINDS.get(asked.get("kind") or "")
    if kind is None:
        asked.mistakes.append("Choose what to end.")
    client = clients.find_by_client_id(asked.get("client") or "") if kind is BulkKind.CLIENT else None
    if kind is BulkKind.CLIENT and client is None:
        asked.mistakes.append("There is no client with this client_id.")
    before = asked.instant("before") if kind is BulkKind.ISSUED_BEFORE else None
    if kind is BulkKind.ISSUED_BEFORE and not asked.mistakes and (before is None or before > clock.now()):
        asked.mistakes.append("Say before which instant, in the past.")
    return None if asked.mistakes or kind is None else Meant(kind=kind, client=client, before=before)


def show_one(bulk_logout_id: UUID, sentence: str | None = None, status: int = 200) -> Response:
    """Show how far a bulk logout has come, and how to steer it."""
    context = _shown(bulk_logout_id)
    return console_page("console/bulk_logout.html", _HERE, status, sentence=sentence, **context)


def show_progress(bulk_logout_id: UUID) -> Any:
    """Return the part of the page that is refreshed."""
    return part_that_updates("console/bulk_logout_progress.html", **_shown(bulk_logout_id))


def _shown(bulk_logout_id: UUID) -> dict[str, Any]:
    with reading():
        found = queries.find(bulk_logout_id)
        if found is None:
            raise NotFound
        client = clients.find(found.client_id) if found.client_id else None
    return {"bulk": found, "client": client, "usual_pace": current.settings().bulk_logout_pace}


def steer(bulk_logout_id: UUID) -> Response:
    """Pause, resume or pace a bulk logout."""
    do, pace = request.form.get("do"), request.form.get("pace", type=int)
    if do == "pace" and not (pace and 1 <= pace <= _FASTEST):
        return show_one(bulk_logout_id, "Not changed: the pace is a whole number of at least 1.", 400)

    def change(_who: gate.Administrator) -> BulkLogout:
        match do:
            case "stop":
                return steering.stop(bulk_logout_id)
            case "resume":
                return steering.resume(bulk_logout_id)
            case _:
                return steering.set_pace(bulk_logout_id, pace or 1)

    try:
        gate.act(Permission.BULK_LOGOUT, change)
    except steering.NotSteerable as exc:
        return show_one(bulk_logout_id, f"Not changed: {exc}.", 409)
    return redirect_to("console.bulk_logout", bulk_logout_id=bulk_logout_id)


_BULK = Permission.BULK_LOGOUT
_ONE = "/incident/<uuid:bulk_logout_id>"
ROUTES = (
    page_route("/incident", "incident", show, needs=_BULK),
    page_route("/incident/confirm", "incident_confirm", ask, needs=_BULK, dangerous=True),
    page_route(
        "/incident/confirm", "incident_submit", submit, needs=_BULK, dangerous=True, methods=("POST",)
    ),
    page_route(_ONE, "bulk_logout", show_one, needs=_BULK),
    page_route(_ONE, "bulk_logout_steer", steer, needs=_BULK, methods=("POST",)),
    page_route(f"{_ONE}/progress", "bulk_logout_progress", show_progress, needs=_BULK),
)
