"""Actions of the account page: each button is one of the verbs in `provider.logout`.

Another person's session is treated as an unknown one (SEC-801). A form that is sent twice ends nothing more
and leads to the same page of results.
"""

from uuid import UUID

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.accounts.queries import lock
from provider.clients.queries import find_by_client_id
from provider.grants.models import Grant
from provider.grants.queries import list_unrevoked
from provider.infrastructure.database import in_transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.notification.progress import find_by_result_handle
from provider.logout.participants import list_of_session
from provider.logout.steps import Cause, LogoutOutcome
from provider.logout.withdraw import withdraw
from provider.pages.account import everywhere_purpose, purpose
from provider.pages.parked import ask_to_sign_in
from provider.sessions import queries as sessions
from provider.sessions.models import Session
from provider.sessions.queries import FoundSession
from provider.web import cookies, csrf
from provider.web.addresses import client_address
from provider.web.after_logout import cleared, redirect_after_logout, result_handle_of, result_page_of
from provider.web.current_session import current_session
from provider.web.frontchannel import via_front_channel
from provider.web.redirects import redirect, redirect_to
from provider.web.route import Route


def submit() -> Response:
    """End what the button names: a session, an app in this browser, an app everywhere, or this browser."""
    found = current_session()
    if found is None:
        return signed_out_already()
    csrf.check(purpose(found))
    pressed = request.form
    if "session" in pressed:
        return _end_session(found, pressed["session"])
    if "app" in pressed:
        return _end_app(found, pressed["app"])
    if "disconnect" in pressed:
        return _disconnect(found, pressed["disconnect"])
    if "browser" in pressed:
        return _end_this_browser(found)
    return redirect_to("pages.account")


def submit_everywhere() -> Response:
    """End all sessions and grants, after the confirmation."""
    found = current_session()
    if found is None:
        return signed_out_already()
    csrf.check(everywhere_purpose(found))
    result_handle = _everywhere_handle()
    outcome = in_transaction(lambda: _end_everywhere(found, cause_of(result_handle)))
    return redirect_after_logout(outcome, result_page_of(result_handle)) if outcome else signed_out_already()


def _end_session(found: FoundSession, session_id: str) -> Response:
    session = _session_of(found, session_id)
    if session.id == found.session.id:
        return _end_this_browser(found)
    result_handle = result_handle_of(f"account session {session.id}")
    outcome = in_transaction(lambda: end(session, cause_of(result_handle, asked_in=found)))
    return show_result(outcome, result_handle)


def _session_of(found: FoundSession, session_id: str) -> Session:
    try:
        session = sessions.find(UUID(session_id))
    except ValueError as exc:
        raise NotFound from exc
    if session is None or session.account_id != found.account.id:
        raise NotFound
    return session


def _end_this_browser(found: FoundSession) -> Response:
    result_handle = result_handle_of(cookies.session_handle() or "")
    outcome = in_transaction(lambda: end(found.session, cause_of(result_handle)))
    return redirect_after_logout(outcome, result_page_of(result_handle)) if outcome else signed_out_already()


def _end_app(found: FoundSession, client_id: str) -> Response:
    """Sign out of one app in this browser; its offline grant stays (design §3)."""
    participants = list_of_session(found.session.id, lock=False)
    participant = next(
        (participant for participant in participants if participant.client.client_id == client_id), None
    )
    if participant is None or participant.client_session is None:
        return redirect_to("pages.account")
    client_session = participant.client_session
    result_handle = result_handle_of(f"account share {client_session.id}")
    cause = cause_of(result_handle, asked_in=found)
    outcome = in_transaction(lambda: end_client_session(client_session, cause))
    return show_result(outcome, result_handle)


def _disconnect(found: FoundSession, client_id: str) -> Response:
    """Withdraw everything that one app was allowed, in every browser and offline."""
    client = find_by_client_id(client_id)
    if client is None:
        raise NotFound
    # If the same form was submitted a moment ago, the grants that it ended are no longer found under the
    # lock.
    seen = [_handle_of(grant) for grant in list_unrevoked(found.account.id, client)]
    outcomes = in_transaction(
        lambda: withdraw(
            found.account.id,
            client,
            lambda grant: cause_of(_handle_of(grant), LogoutReason.CONSENT_WITHDRAWN, asked_in=found),
        )
    )
    shown = max(outcomes, key=lambda outcome: outcome.notifications, default=None)
    handles = [shown.result_handle] if shown else seen
    return show_result(shown, handles[0]) if handles else redirect_to("pages.account")


def _handle_of(grant: Grant) -> str:
    return result_handle_of(f"account grant {grant.id}")


def _end_everywhere(found: FoundSession, cause: Cause) -> LogoutOutcome | None:
    # Of several concurrent requests, one ends everything; the others wait here for the lock and find it done.
    account = lock(found.account.id)
    if account is None or current_session() is None:
        return None
    return end_everywhere(account, cause)


def show_result(outcome: LogoutOutcome | None, result_handle: str) -> Response:
    """Redirect to the result page, or to the account page if something else had ended it before."""
    if outcome is None and find_by_result_handle(result_handle) is None:
        return redirect_to("pages.account")
    target = result_page_of(result_handle)
    return redirect(via_front_channel(outcome, target) if outcome else target)


def signed_out_already() -> Response:
    """Answer a form of a session that has ended: with the result page of that sign-out, if there is one."""
    handle = cookies.session_handle()
    if handle is None:
        return ask_to_sign_in("account")
    cookies.forget_session()
    for result_handle in (result_handle_of(handle), _everywhere_handle()):
        if find_by_result_handle(result_handle):
            return cleared(redirect(result_page_of(result_handle)))
    return ask_to_sign_in("account")


def _everywhere_handle() -> str:
    return result_handle_of(f"everywhere {cookies.session_handle()}")


def cause_of(
    result_handle: str, reason: LogoutReason = LogoutReason.USER, *, asked_in: FoundSession | None = None
) -> Cause:
    """Return the cause of a sign-out that the person requested on a page of the account."""
    return Cause(
        reason=reason,
        initiator="account",
        ip=client_address(),
        asked_in=asked_in.session.id if asked_in else None,
        result_handle=result_handle,
    )


ROUTES = (
    Route(rule="/account", name="account_submit", view=submit, methods=("POST",)),
    Route(
        rule="/account/everywhere",
        name="account_everywhere_submit",
        view=submit_everywhere,
        methods=("POST",),
    ),
)
