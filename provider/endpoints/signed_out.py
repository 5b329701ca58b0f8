"""What a person sees when a session has ended: the way back to the app, or our page of results."""

from flask import redirect, url_for
from werkzeug.wrappers import Response

from provider.delivery.models import DeliveryState
from provider.endpoints.end_session_case import EndSessionCase
from provider.infrastructure import current
from provider.logout.ending import LogoutOutcome
from provider.logout.notify_budget import await_first_attempts
from provider.logout.results import AppResult, find_by_result_handle, list_app_results
from provider.web import cookies
from provider.web.error_pages import error_page
from provider.web.i18n import speak
from provider.web.layout import page

# Only what belongs to this very origin: the word "cookies" would clear those of every neighbouring
# host of the same registrable domain, and so sign people out of apps that we did not tell.
CLEAR_SITE_DATA = '"cache", "storage"'
_STATES = {
    DeliveryState.ACCEPTED: "told",
    DeliveryState.PENDING: "pending",
    DeliveryState.REJECTED: "rejected",
    DeliveryState.EXPIRED: "expired",
    DeliveryState.SUPERSEDED: "superseded",
    None: "no_address",
}


def result_handle_of(handle: str) -> str:
    """Return the address of the result that a cookie's or ticket's sign-out has; a repeat gets the same."""
    return current.secret_box().keyed_token("logout-result", handle)


def after_end(outcome: LogoutOutcome | None, case: EndSessionCase, result_handle: str) -> Response:
    """Answer a sign-out: forget the cookie, give the apps their moment, then lead on.

    Without an outcome somebody else ended it first; the answer is the same, for doing it twice is harmless.
    """
    if outcome is None:
        return already_signed_out(case, recent=True)
    cookies.forget_session()
    await_first_attempts(outcome)
    # RFC 9700 §4.12: always 303, never a status that would post the form again.
    target = case.return_to or url_for("endpoints.show_session_ended", handle=result_handle)
    return _cleared(redirect(target, 303))


def already_signed_out(case: EndSessionCase, *, recent: bool) -> Response:
    """Answer a sign-out where nothing is left to end: with the way back that is safe.

    Only a proven, recent hint leads back by itself; otherwise the person decides (rpinitiated §3).
    """
    if cookies.session_handle() is not None:
        cookies.forget_session()
    if case.is_proven and recent and case.return_to:
        return _cleared(redirect(case.return_to, 303))
    speak(case.ui_locales or "")
    shown = page(
        "session_ended.html",
        apps=[],
        refresh=False,
        continue_url=case.return_to,
        continue_name=case.app_name,
    )
    return _cleared(shown)


def show_session_ended(handle: str) -> Response:
    """Show what became of an ending, app by app; the address is known to nobody else."""
    logout = find_by_result_handle(handle)
    if logout is None:
        return error_page(404, "not_found")
    results = list_app_results(logout)
    return page(
        "session_ended.html",
        apps=[_shown(result) for result in results],
        scope=logout.scope,
        refresh=any(result.state is DeliveryState.PENDING for result in results),
        continue_url=None,
        continue_name=None,
    )


def _shown(result: AppResult) -> dict[str, object]:
    return {
        "name": result.name,
        "state": _STATES[result.state],
        "at": result.at,
        "latency_ms": result.latency_ms,
        "ends_by": result.ends_by,
    }


def _cleared(response: Response) -> Response:
    response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response
