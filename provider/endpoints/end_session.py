"""`/session/end`: RP-Initiated Logout 1.0, by GET and POST.

A session ends without a question only if a proven hint belongs to the session of this browser's cookie
(THR-01, THR-02). All other requests get our page with the question, so that none is a dead end.
"""

from dataclasses import replace

from flask import request
from werkzeug.wrappers import Response

from provider.clients.models import Client, ConfirmSignOut
from provider.clients.queries import find_by_client_id
from provider.endpoints.description import for_browsers
from provider.endpoints.end_session_case import EndSessionCase, case_of
from provider.endpoints.next_page import next_page_again
from provider.endpoints.signed_out import after_end, already_signed_out
from provider.infrastructure.database import in_transaction, transaction
from provider.interactions.lifecycle import adopt, park
from provider.interactions.models import InteractionKind
from provider.interactions.queries import find as find_parked
from provider.interactions.queries import find_unbound
from provider.logout import unknown_session
from provider.logout.end_session import end
from provider.logout.hint import ProvenHint, find_hinted
from provider.logout.models import LogoutReason
from provider.logout.notification.progress import find_by_result_handle
from provider.logout.steps import Cause
from provider.protocol.end_session_request import PARAMETERS, WHO, EndSessionRequest
from provider.sessions.models import ClientSession, Session
from provider.sessions.queries import FoundSession, find_by_sid, find_live, find_with_sid
from provider.web import cookies
from provider.web.addresses import client_address
from provider.web.after_logout import result_handle_of
from provider.web.parameters import read_usable_ones
from provider.web.parking import check_parking_limit
from provider.web.redirects import redirect, redirect_to, redirect_to_handle
from provider.web.route import Route

KIND = InteractionKind.END_SESSION


def end_session() -> Response:
    """Answer a Logout Request."""
    asked = EndSessionRequest.of(read_usable_ones(request, PARAMETERS, same_twice=WHO))
    case, hint = case_of(asked)
    # DEC-07: a cross-site POST sends no Lax cookie; the GET that follows shows whether there is one.
    if request.method == "POST" and cookies.session_handle() is None:
        if hint is not None:
            unknown_session.notify(hint, ip=client_address())
        check_parking_limit(KIND, case.as_parameters())
        with transaction():
            handle = park(KIND, case.as_parameters(), browser=None, answers=case.as_answers())
        return redirect_to_handle("endpoints.resume_end_session", handle)
    return _proceed(case, hint.client if hint else None, hint)


def resume_end_session(handle: str) -> Response:
    """Resume a Logout Request that arrived as a cross-site POST, which sends no cookies."""
    browser = cookies.bind_browser()
    parked = find_parked(handle, browser, KIND) or find_unbound(handle, KIND)
    if parked is None:
        return _without_request()
    case = EndSessionCase.of(parked)
    if parked.browser_digest is None:
        with transaction():
            if not adopt(parked, browser=browser, session_id=None):
                return _without_request()
    return _proceed(case, _client_of(case), None)


def _without_request() -> Response:
    """Answer a handle without a parked request: ask about this browser's session, if it has one."""
    found = _find_session(EndSessionCase())
    if found is not None:
        return _ask(EndSessionCase(), found.session)
    return already_signed_out(EndSessionCase(), recent=False)


def _proceed(case: EndSessionCase, client: Client | None, hint: ProvenHint | None) -> Response:
    found = _find_session(case)
    if found is None:
        return _without_session(case, client, hint)
    joined = found.client_session
    is_proven = joined is not None and client is not None and joined.client_id == client.id
    case = replace(case, was_signed_in=is_proven)
    if client and is_proven and not _must_ask(client, found):
        return _end_at_once(case, client, found)
    if hint is not None and joined is None:
        # The hint names no client session of this browser: the database may have lost it.
        unknown_session.notify(hint, ip=client_address())
    return _ask(case, found.session)


def _must_ask(client: Client, found: FoundSession) -> bool:
    """Return whether the client's options require asking the person even for a proven request."""
    return client.confirm_sign_out == ConfirmSignOut.ALWAYS or found.asks_about_offline


def _find_session(case: EndSessionCase) -> FoundSession | None:
    handle = cookies.session_handle()
    if handle is None:
        return None
    return find_with_sid(handle, case.sid) if case.sid else find_live(handle)


def _end_at_once(case: EndSessionCase, client: Client, found: FoundSession) -> Response:
    result_handle = result_handle_of(cookies.session_handle() or "")
    cause = Cause(
        reason=LogoutReason.RP_INITIATED,
        initiator="client",
        client=client,
        ip=client_address(),
        result_handle=result_handle,
    )
    outcome = in_transaction(lambda: end(found.session, cause))
    return after_end(outcome, case, result_handle)


def _without_session(case: EndSessionCase, client: Client | None, hint: ProvenHint | None) -> Response:
    """Answer a browser without a live session; the hint may name another browser's live session."""
    hinted = _hinted(case, client, hint)
    if hinted is not None and hinted[1].ended_at is None and hinted[0].is_live:
        return _ask(case, hinted[1], by_hint=True)
    if hinted is None and client is not None and case.sid and find_by_sid(case.sid) is None:
        return _after_unknown(case, client, hint)
    handle = cookies.session_handle()
    result_handle = result_handle_of(handle) if handle else ""
    return already_signed_out(case, recent=hinted is not None, result_handle=result_handle)


def _after_unknown(case: EndSessionCase, client: Client, hint: ProvenHint | None) -> Response:
    """Answer a proven hint whose session the database has lost; its app is notified by `sid`."""
    handle = unknown_session.result_handle_of(client, case.sid or "")
    outcome = unknown_session.notify(hint, ip=client_address()) if hint else None
    if outcome is not None:
        return after_end(outcome, case, handle)
    logout = find_by_result_handle(handle)
    if logout is not None:
        return redirect(next_page_again(case, logout, handle))
    return already_signed_out(case, recent=False, is_unknown=True)


def _hinted(
    case: EndSessionCase, client: Client | None, hint: ProvenHint | None
) -> tuple[ClientSession, Session] | None:
    if hint is None and case.sid and client:
        hint = ProvenHint(client=client, sid=case.sid, sub="")
    return find_hinted(hint) if hint else None


def _ask(case: EndSessionCase, session: Session, *, by_hint: bool = False) -> Response:
    check_parking_limit(KIND, case.as_parameters(), session_id=None if by_hint else session.id)
    with transaction():
        ticket = park(
            KIND,
            case.as_parameters(),
            browser=cookies.bind_browser(),
            session_id=session.id,
            answers=case.as_answers() | {"by_hint": by_hint},
        )
    return redirect_to("endpoints.show_end_session_confirm", ticket=ticket)


def _client_of(case: EndSessionCase) -> Client | None:
    return find_by_client_id(case.client_id) if case.client_id else None


_DESCRIBED = (
    *("id_token_hint", "client_id", "logout_hint", "post_logout_redirect_uri", "state", "ui_locales"),
)
ROUTES = (
    Route(
        rule="/session/end",
        name="end_session",
        view=end_session,
        methods=("GET", "POST"),
        discovery="end_session_endpoint",
        operations=for_browsers(
            "endSessionByRedirect", "OpenID Connect RP-Initiated Logout 1.0.", *_DESCRIBED
        ),
    ),
    Route(
        rule="/session/end/resume/<handle:handle>",
        name="resume_end_session",
        view=resume_end_session,
    ),
)
