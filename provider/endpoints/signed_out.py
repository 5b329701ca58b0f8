"""The end of a sign-out for a person: back to the app, or the result page."""

from dataclasses import replace
from datetime import datetime

from flask import Response as JSONResponse
from flask import jsonify, render_template, url_for
from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.clients.queries import read_by_client_id
from provider.clients.unchecked import unchecked_host
from provider.delivery.models import DeliveryState
from provider.endpoints.end_session_case import EndSessionCase
from provider.endpoints.next_page import kept_case, next_page, next_page_again
from provider.logout.models import Logout
from provider.logout.notification.budget import await_first_attempts
from provider.logout.notification.progress import AppState, find_by_result_handle, list_app_states
from provider.logout.steps import LogoutOutcome
from provider.web import cookies
from provider.web.after_logout import cleared, result_page_of
from provider.web.current_session import current_session
from provider.web.error_pages import error_page
from provider.web.frontchannel import via_front_channel
from provider.web.i18n import speak
from provider.web.layout import page
from provider.web.redirects import redirect
from provider.web.route import Route, Speaks

_STATES = {
    DeliveryState.ACCEPTED: "notified",
    DeliveryState.PENDING: "pending",
    DeliveryState.EXPIRED: "expired",
    DeliveryState.CANCELLED: "cancelled",
    DeliveryState.SUPERSEDED: "superseded",
}


def after_end(outcome: LogoutOutcome | None, case: EndSessionCase, result_handle: str) -> Response:
    """Answer a sign-out: delete the cookie, wait briefly for the apps to confirm, then redirect.

    Without an outcome, another request ended the session first; the response is the same.
    """
    if outcome is None:
        return already_signed_out(case, recent=True, result_handle=result_handle)
    cookies.forget_session()
    is_confirmed = await_first_attempts(outcome)
    target = next_page(case, result_handle, is_confirmed=is_confirmed)
    # RFC 9700 §4.12: always 303, never a status that would post the form again.
    return cleared(redirect(via_front_channel(outcome, target)))


def already_signed_out(
    case: EndSessionCase, *, recent: bool, result_handle: str = "", is_unknown: bool = False
) -> Response:
    """Answer a sign-out request when nothing is left to end, with a safe way back.

    Only a proven, recent hint redirects back; otherwise the person decides (rpinitiated §3). Two concurrent
    requests lead to the same place. For an unknown session the page says only that it is unknown.
    """
    if cookies.session_handle() is not None:
        cookies.forget_session()
    if case.is_proven and recent and case.return_to:
        logout = find_by_result_handle(result_handle) if result_handle else None
        if logout is not None and logout.initiator_client_id == case.client_id:
            # The same app requests this browser's sign-out again.
            case = replace(case, was_signed_in=True)
        if case.return_to and case.redirects_back:
            target = next_page_again(case, logout, result_handle) if logout else case.return_to
            return cleared(redirect(target))
    speak(case.ui_locales or "")
    shown = page(
        "session_ended.html",
        apps=[],
        pending=False,
        is_unknown=is_unknown,
        unusable=case.unusable,
        client_id=case.client_id,
        # Either address was registered by the client, and the person decides whether to go there.
        continue_url=case.return_to or case.app_uri,
        unchecked_host=case.unchecked_host(case.return_to or case.app_uri),
        continue_name=case.app_name,
    )
    return cleared(shown)


def show_session_ended(handle: str) -> Response:
    """Show the result of a logout, app by app; the address is a secret."""
    logout = find_by_result_handle(handle)
    if logout is None:
        return error_page(404, "not_found")
    states = list_app_states(logout)
    lives_on = _lives_on(logout)
    asked_by = _client_that_asked(logout)
    kept = kept_case(handle)
    speak(kept.ui_locales or "")
    continue_url = kept.return_to or (_home_of(asked_by) if asked_by else None)
    return page(
        "session_ended.html",
        apps=[_shown(app) for app in states],
        scope=logout.scope,
        reason=logout.reason,
        lives_on=lives_on,
        pending=_is_pending(states),
        state_url=f"{result_page_of(handle)}/state",
        unusable=kept.unusable,
        client_id=kept.client_id,
        continue_url=continue_url,
        unchecked_host=kept.unchecked_host(kept.return_to) or _unchecked_home(asked_by, continue_url),
        continue_name=asked_by.display_name if asked_by else kept.app_name,
        account_url=url_for("pages.account") if lives_on else None,
    )


def show_session_ended_state(handle: str) -> JSONResponse:
    """Return the current rows to the script of an open page, and whether it should ask again."""
    logout = find_by_result_handle(handle)
    if logout is None:
        response = jsonify(error="not_found")
        response.status_code = 404
        return response
    states = list_app_states(logout)
    apps = [_shown(app) for app in states]
    return jsonify(
        pending=_is_pending(states),
        apps=[{"name": app["name"], "state": app["state"]} for app in apps],
        rows=render_template("session_ended_rows.html", apps=apps),
    )


def _lives_on(logout: Logout) -> bool:
    """Return whether the person asked in this browser's session, and it lives on: another one ended.

    Compared by identity and not by time, because the clocks of two servers differ.
    """
    if logout.asked_in_session_id is None:
        return False
    found = current_session()
    return found is not None and found.session.id == logout.asked_in_session_id


def _client_that_asked(logout: Logout) -> Client | None:
    asked_by = read_by_client_id(logout.initiator_client_id) if logout.initiator_client_id else None
    return asked_by if asked_by and asked_by.is_active else None


def _home_of(client: Client) -> str | None:
    """Return the client's registered home page, for an app that gave no address to return to."""
    uri = client.metadata_.client_uri
    return uri if uri and uri.startswith(("https://", "http://")) else None


def _unchecked_home(asked_by: Client | None, address: str | None) -> str | None:
    return unchecked_host(asked_by, address) if asked_by and address else None


def _is_pending(states: list[AppState]) -> bool:
    return any(app.state is DeliveryState.PENDING for app in states)


def _shown(app: AppState) -> dict[str, str | int | datetime | None]:
    return {
        "name": app.name,
        "state": _state_of(app),
        "at": app.at,
        "latency_ms": app.latency_ms,
        "ends_by": app.ends_by,
    }


def _state_of(app: AppState) -> str:
    if app.state is None:
        return "not_notified" if app.has_address else "no_address"
    if app.is_refusing:
        return "refusing"
    if app.state is DeliveryState.PENDING and app.was_tried:
        return "trying"
    return _STATES[app.state]


ROUTES = (
    Route(rule="/session/ended/<handle:handle>", name="show_session_ended", view=show_session_ended),
    Route(
        rule="/session/ended/<handle:handle>/state",
        name="show_session_ended_state",
        view=show_session_ended_state,
        speaks=Speaks.JSON,
    ),
)
