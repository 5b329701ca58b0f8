"""Acts on a client: replace its secret, disable, enable or remove it, and test its logout endpoint."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from provider.administration import client_credentials, deliveries, examinations
from provider.administration import clients as acts
from provider.clients.change import NoSecret
from provider.clients.models import Client
from provider.clients.queries import lock
from provider.console import gate
from provider.console.clients import get, ready_to_paste
from provider.console.gate import Administrator
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.infrastructure.database import reading
from provider.infrastructure.owned_objects import owner_of
from provider.inspection.doctor import examine
from provider.inspection.findings import Grade
from provider.logout.bulk import queries as bulk_queries
from provider.logout.models import BulkKind
from provider.protocol.permissions import Permission
from provider.web.redirects import redirect_to

OVERLAPS = {
    "0": (timedelta(0), "not at all: it leaked"),
    "1h": (timedelta(hours=1), "an hour"),
    "1d": (timedelta(days=1), "a day"),
    "7d": (timedelta(days=7), "a week"),
}


def show_secret(client_pk: UUID) -> Response:
    """Ask how long the present secret stays valid."""
    return _page("console/client_secret.html", client_pk, overlaps=OVERLAPS)


def submit_secret(client_pk: UUID) -> Response:
    """Replace the secret, and show the new one, which is shown only once."""
    overlap = OVERLAPS.get(request.form.get("overlap", ""), OVERLAPS["1d"])[0]
    try:
        made = _change(client_pk, lambda client: client_credentials.rotate_secret(client, overlap=overlap))
    except NoSecret:
        return _page("console/client_secret.html", client_pk, 409, overlaps=OVERLAPS)
    client = get(client_pk)
    return console_page(
        "console/client_made.html",
        "console.clients",
        client=client,
        secret=made.secret,
        service_tokens_ended=made.service_tokens_ended,
        configuration=ready_to_paste(client),
    )


def show_access(client_pk: UUID, sentence: str | None = None, status: int = 200) -> Response:
    """Show what disabling, enabling or removing a client ends."""
    with reading():
        reach = bulk_queries.measure(BulkKind.CLIENT, client=get(client_pk))
    return _page("console/client_access.html", client_pk, status, reach=reach, sentence=sentence)


def submit_access(client_pk: UUID) -> Response:
    """Disable a client, enable it again, or remove it."""
    do = request.form.get("do")
    if do == "remove":
        if request.form.get("typed", "").strip() != get(client_pk).client_id:
            return show_access(client_pk, "Nothing was changed: type the whole client_id to confirm.", 400)
        _change(client_pk, acts.remove)
        return redirect_to("console.clients", done="removed")
    enabled = do == "enable"
    _change(client_pk, lambda client: acts.update(client, client.metadata_, enabled=enabled))
    done = "enabled" if enabled else "disabled"
    return redirect_to("console.client", client_pk=client_pk, done=done)


def doctor(client_pk: UUID) -> Response:
    """Try the logout endpoint with good and bad tokens, and show the results; no one is signed out."""
    with reading():
        client = get(client_pk)
    report = examine(client)
    failed = [one.check for one in report.findings if one.grade is Grade.FAIL]

    def conclude(_who: Administrator) -> bool:
        return examinations.conclude(client, grade=report.grade, failed=failed)

    is_tried = gate.act(Permission.CHANGE_DELIVERIES, conclude)
    return _page("console/doctor.html", client_pk, report=report, is_tried=is_tried)


def try_endpoint(client_pk: UUID) -> Response:
    """Retry the endpoint's pending notifications now, although its breaker holds them back."""
    client = get(client_pk)
    is_tried = gate.act(Permission.CHANGE_DELIVERIES, lambda _who: deliveries.try_endpoint(client))
    done = "tried" if is_tried else "not_tried"
    return redirect_to("console.client", client_pk=client_pk, done=done)


def show_doctor(client_pk: UUID) -> Response:
    """Offer to test the logout endpoint."""
    return _page("console/doctor.html", client_pk, report=None, is_tried=False)


def _change(client_pk: UUID, change: Callable[[Client], Any]) -> Any:
    """Change a client while holding the lock on its row."""
    client_id = get(client_pk).client_id

    def locked(who: Administrator) -> Any:
        client = lock(client_id)
        who.rights.check_over_scopes(client.metadata_.scopes)
        return change(client)

    return gate.act(Permission.CHANGE_CLIENTS, locked, dangerous=True)


def _page(template: str, client_pk: UUID, status: int = 200, **context: Any) -> Response:
    with reading():
        client, owner = get(client_pk), owner_of("client", client_pk)
    return console_page(template, "console.clients", status, client=client, owner=owner, **context)


_CHANGES = Permission.CHANGE_CLIENTS
_DELIVERIES = Permission.CHANGE_DELIVERIES
_BELOW = "/clients/<uuid:client_pk>"
_POST = ("POST",)
ROUTES = (
    page_route(f"{_BELOW}/secret", "client_secret", show_secret, needs=_CHANGES, dangerous=True),
    page_route(
        f"{_BELOW}/secret",
        "client_secret_submit",
        submit_secret,
        needs=_CHANGES,
        dangerous=True,
        methods=_POST,
    ),
    page_route(f"{_BELOW}/access", "client_access", show_access, needs=_CHANGES, dangerous=True),
    page_route(
        f"{_BELOW}/access",
        "client_access_submit",
        submit_access,
        needs=_CHANGES,
        dangerous=True,
        methods=_POST,
    ),
    page_route(f"{_BELOW}/endpoint", "client_endpoint", try_endpoint, needs=_DELIVERIES, methods=_POST),
    page_route(f"{_BELOW}/doctor", "doctor", show_doctor, needs=Permission.CHANGE_DELIVERIES),
    page_route(
        f"{_BELOW}/doctor", "doctor_submit", doctor, needs=Permission.CHANGE_DELIVERIES, methods=_POST
    ),
)
