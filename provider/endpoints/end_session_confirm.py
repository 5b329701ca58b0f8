"""`/session/end/confirm`: the person sees what each choice ends, and chooses.

The ticket in the address is bound to this browser and to one session, and works once: it is void once
the browser has another session (THR-03, THR-04).
"""

from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.endpoints.end_session_case import EndSessionCase
from provider.endpoints.end_session_question import ask, ask_about_everywhere, concerned, purpose
from provider.endpoints.next_page import next_page, next_page_again
from provider.endpoints.signed_out import after_end, already_signed_out
from provider.infrastructure.database import in_transaction, transaction
from provider.interactions.lifecycle import answer, park, take
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.queries import find, find_any, find_finished
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.notification.budget import await_first_attempts
from provider.logout.notification.progress import find_by_result_handle
from provider.logout.participants import list_of_session
from provider.logout.steps import Cause, LogoutOutcome
from provider.sessions.queries import FoundSession, find_live, find_live_by_id
from provider.web import cookies, csrf
from provider.web.addresses import client_address
from provider.web.after_logout import result_handle_of
from provider.web.frontchannel import via_front_channel
from provider.web.layout import page
from provider.web.redirects import redirect, redirect_to
from provider.web.route import Route

KIND = InteractionKind.END_SESSION
THIS_BROWSER, THIS_APP, EVERYWHERE, EVERYWHERE_CONFIRMED = "true", "app", "everywhere", "everywhere-confirmed"


def show_end_session_confirm() -> Response:
    """Ask the person, and show what each choice ends."""
    ticket = request.args.get("ticket", "")
    parked = find(ticket, cookies.browser(), KIND)
    if parked is None:
        return _repeated(ticket)
    found = _session_of(parked)
    if found is None:
        return _void(EndSessionCase.of(parked))
    return ask(ticket, parked, found)


def submit_end_session_confirm() -> Response:
    """Carry out the person's choice."""
    ticket = request.form.get("ticket", "")
    csrf.check(purpose(ticket))
    if "cancel" in request.form:
        return _cancel(ticket)
    match request.form.get("logout"):
        case "true" | "app" | "everywhere-confirmed" as choice:
            return _end(ticket, choice)
        case "everywhere":
            return _ask_again(ticket)
    return redirect_to("endpoints.show_end_session_confirm", ticket=ticket)


def _end(ticket: str, choice: str) -> Response:
    result_handle = result_handle_of(ticket)
    parked, found, outcome = in_transaction(lambda: _take_and_end(ticket, choice, result_handle))
    if parked is None:
        return _repeated(ticket)
    case = EndSessionCase.of(parked)
    if found is None:
        return _void(case)
    if choice == THIS_APP or _is_by_hint(parked):
        return _after_app(outcome, case, result_handle)
    return after_end(outcome, case, result_handle)


def _take_and_end(
    ticket: str, choice: str, result_handle: str
) -> tuple[Interaction | None, FoundSession | None, LogoutOutcome | None]:
    """Use up the ticket and carry out the choice, if the ticket is for a live session."""
    parked = take(ticket, cookies.browser(), KIND)
    found = _session_of(parked) if parked else None
    if parked is None or found is None:
        return parked, None, None
    return parked, found, _carry_out(choice, parked, found, result_handle)


def _carry_out(
    choice: str, parked: Interaction, found: FoundSession, result_handle: str
) -> LogoutOutcome | None:
    case = EndSessionCase.of(parked)
    client = find_by_client_id(case.client_id) if case.client_id else None
    by_hint = _is_by_hint(parked)
    # The app requested the browser's sign-out; any other choice is the person's own.
    is_as_requested = client is not None and (choice == THIS_BROWSER or by_hint)
    cause = Cause(
        reason=LogoutReason.RP_INITIATED if is_as_requested else LogoutReason.USER,
        initiator="account",
        client=client,
        ip=client_address(),
        asked_in=None if by_hint else found.session.id,
        result_handle=result_handle,
    )
    if choice == THIS_APP or by_hint:
        return _end_app(parked, found, client, cause)
    if choice == EVERYWHERE_CONFIRMED:
        return end_everywhere(found.account, cause)
    return end(found.session, cause, revoke_offline_of=_revoke_offline_of(parked, found))


def _end_app(
    parked: Interaction, found: FoundSession, client: Client | None, cause: Cause
) -> LogoutOutcome | None:
    """End one app's client session; an ID Token without the cookie cannot end more than that."""
    participants = concerned(parked, found, lock=True)
    participant = next(
        (participant for participant in participants if client and participant.client.id == client.id), None
    )
    if participant is None or participant.client_session is None:
        return None
    return end_client_session(
        participant.client_session,
        cause,
        revoke_offline=participant.client.id in _revoke_offline_of(parked, found),
    )


def _is_by_hint(parked: Interaction) -> bool:
    """Return whether the request has only an ID Token, in a browser without the session's cookie."""
    return bool(parked.answers.get("by_hint"))


def _revoke_offline_of(parked: Interaction, found: FoundSession) -> set[UUID]:
    """Return the clients whose offline grants are also revoked, because the person ticked the box."""
    if "revoke_offline" not in request.form or _is_by_hint(parked):
        return set()
    participants = list_of_session(found.session.id, lock=True)
    return {participant.client.id for participant in participants if participant.asks_about_offline}


def _session_of(parked: Interaction) -> FoundSession | None:
    """Return the session that a ticket may end: the browser's own, or the one named by a hint."""
    handle = cookies.session_handle()
    found = find_live(handle) if handle else None
    if found is not None:
        return found if found.session.id == parked.session_id else None
    if _is_by_hint(parked) and parked.session_id:
        return find_live_by_id(parked.session_id)
    return None


def _ask_again(ticket: str) -> Response:
    parked = find(ticket, cookies.browser(), KIND)
    found = _session_of(parked) if parked else None
    if parked is None or found is None or _is_by_hint(parked):
        return redirect_to("endpoints.show_end_session_confirm", ticket=ticket)
    return ask_about_everywhere(ticket, parked, found)


def _cancel(ticket: str) -> Response:
    with transaction():
        parked = take(ticket, cookies.browser(), KIND)
        if parked is not None:
            answer(parked, cancelled=True)
    case = EndSessionCase.of(parked) if parked else EndSessionCase()
    host = case.unchecked_host(case.app_uri)
    if case.app_uri and (host is None or case.was_signed_in):
        return redirect(case.app_uri)
    return page(
        "session_kept.html", continue_url=case.app_uri, continue_name=case.app_name, unchecked_host=host
    )


def _after_app(outcome: LogoutOutcome | None, case: EndSessionCase, result_handle: str) -> Response:
    """Redirect after one app was signed out; the browser keeps its session and cookie."""
    if outcome is None:
        return _back(case)
    is_confirmed = await_first_attempts(outcome)
    target = next_page(case, result_handle, is_confirmed=is_confirmed)
    return redirect(via_front_channel(outcome, target))


def _void(case: EndSessionCase) -> Response:
    """Answer a ticket of another session: ask about this browser's session, if it has one."""
    handle = cookies.session_handle()
    if handle and find_live(handle):
        return redirect_to("endpoints.end_session")
    return already_signed_out(case, recent=True)


def _expired(ticket: str) -> Response:
    """Ask again if the question has expired, for the same app and with the same way back."""
    known, browser = find_any(ticket, (KIND,)), cookies.browser()
    if known is None or browser is None or not known.is_of(browser):
        return _void(EndSessionCase())
    case, handle = EndSessionCase.of(known), cookies.session_handle()
    found = find_live(handle) if handle else None
    if found is None:
        return already_signed_out(case, recent=False)
    with transaction():
        fresh = park(
            KIND,
            case.as_parameters(),
            browser=browser,
            session_id=found.session.id,
            answers=case.as_answers(),
        )
    return redirect_to("endpoints.show_end_session_confirm", ticket=fresh)


def _repeated(ticket: str) -> Response:
    """Answer a used ticket as the first time, even if more has ended since."""
    parked = find_finished(ticket, cookies.browser(), KIND)
    if parked is None:
        return _expired(ticket)
    if parked.answers.get("cancelled"):
        return _void(EndSessionCase())
    case = EndSessionCase.of(parked)
    result_handle = result_handle_of(ticket)
    logout = find_by_result_handle(result_handle)
    if logout is not None:
        return redirect(next_page_again(case, logout, result_handle))
    return _back(case)


def _back(case: EndSessionCase) -> Response:
    """Redirect back to the app without having ended anything."""
    if case.return_to and case.redirects_back:
        return redirect(case.return_to)
    return _void(case)


ROUTES = (
    Route(rule="/session/end/confirm", name="show_end_session_confirm", view=show_end_session_confirm),
    Route(
        rule="/session/end/confirm",
        name="submit_end_session_confirm",
        view=submit_end_session_confirm,
        methods=("POST",),
    ),
)
