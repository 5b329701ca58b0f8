"""The page for an address at which nothing waits for this browser: it says why, and where to start again."""

from dataclasses import dataclass
from enum import StrEnum

from flask import request, url_for
from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.infrastructure import event_log
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.queries import find_any
from provider.pages.open_app import app_url_of
from provider.pages.parked import account_page_url
from provider.web import cookies
from provider.web.layout import page
from provider.web.parking import sealed_in_address
from provider.web.redirects import redirect_to
from provider.web.route import Route

_KINDS = (InteractionKind.AUTHORIZATION, InteractionKind.ACCOUNT)


class Reason(StrEnum):
    """Why nothing waits."""

    # The person opened our page directly, but signing in begins at an app.
    ALONE = "alone"
    ANSWERED = "answered"
    EXPIRED = "expired"
    # The browser did not send the cookie that the request is bound to: none at all, or another browser's.
    NO_COOKIE = "no_cookie"
    OTHER_BROWSER = "other_browser"
    APP_DISABLED = "app_disabled"
    # There was never such a request, or it is so old that its row has been deleted.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _NextPage:
    app_name: str | None = None
    address: str | None = None


def show_alone() -> Response:
    """Explain that signing in starts from an app."""
    return page("nothing_waits.html", reason=Reason.ALONE, app_name=None, next_page=None)


def gone(handle: str) -> Response:
    """Explain why nothing waits here for this browser, with a next page where the app is known."""
    known = find_any(handle, _KINDS, sealed=sealed_in_address())
    client = find_by_client_id(str(known.request.get("client_id"))) if known else None
    reason = _reason(known, client)
    if reason is Reason.ANSWERED and known and known.kind == InteractionKind.ACCOUNT:
        return redirect_to("pages.account")
    event_log.info(
        "nothing_waits",
        endpoint=request.endpoint,
        reason=reason.value,
        client_id=client.client_id if client else None,
    )
    next_page = _next_page(known, client)
    return page(
        "nothing_waits.html",
        410,
        reason=reason,
        app_name=next_page.app_name,
        next_page=next_page.address,
        reference=event_log.correlation_id(),
    )


def _reason(known: Interaction | None, client: Client | None) -> Reason:
    browser = cookies.browser()
    if known is None:
        return Reason.UNKNOWN
    if browser is None:
        return Reason.NO_COOKIE
    if not known.is_of(browser):
        return Reason.OTHER_BROWSER
    if known.finished_at is not None:
        return Reason.ANSWERED
    if known.kind == InteractionKind.AUTHORIZATION and (client is None or not client.is_active):
        return Reason.APP_DISABLED
    return Reason.EXPIRED


def _next_page(known: Interaction | None, client: Client | None) -> _NextPage:
    """Return where the person can start again: the address that the app registered, or the account's page."""
    if known is not None and known.kind == InteractionKind.ACCOUNT:
        return _NextPage(address=account_page_url(known))
    if client is None or client.deleted_at is not None:
        return _NextPage()
    if not client.is_active:
        return _NextPage(app_name=client.display_name)
    address = app_url_of(client)
    if address and client.self_registered:
        # The operator has not checked that address, so the person sees it before going there.
        address = url_for("pages.open_app", client_id=client.client_id)
    return _NextPage(app_name=client.display_name, address=address)


ROUTE = Route(rule="/sign-in", name="sign_in_alone", view=show_alone)
