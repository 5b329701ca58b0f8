"""`/session/end/confirm`: the person says what shall end, having seen what that takes along.

The ticket in the address is bound to this browser, names the session it was made for, and works
once: it is void when the browser has another session by now (THR-03, THR-04).
"""

from uuid import UUID

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.endpoints.end_session_case import EndSessionCase
from provider.endpoints.end_session_question import ask, ask_about_everywhere, purpose
from provider.endpoints.signed_out import after_end, already_signed_out
from provider.infrastructure.database import in_transaction, transaction
from provider.interactions.answer import answer, take
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.queries import find, find_finished
from provider.logout.end_client_session import end_share
from provider.logout.end_session import end
from provider.logout.ending import Cause, LogoutOutcome
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.results import find_by_result_handle
from provider.logout.shares import Share, list_of_session
from provider.sessions.queries import FoundSession, find_live, find_live_by_id
from provider.web import cookies, csrf
from provider.web.addresses import client_address
from provider.web.after_ending import result_handle_of, result_page_of
from provider.web.frontchannel import by_way_of_frames
from provider.web.layout import page

KIND = InteractionKind.END_SESSION
THIS_BROWSER, THIS_APP, EVERYWHERE, EVERYWHERE_SURELY = "true", "app", "everywhere", "everywhere-confirmed"


def show_end_session_confirm() -> Response:
    """Ask the person, and show what each answer means."""
    ticket = request.args.get("ticket", "")
    parked = find(ticket, cookies.browser(), KIND)
    if parked is None:
        return _repeated(ticket)
    found = _session_of(parked)
    if found is None:
        return _void(EndSessionCase(**parked.parameters))
    return ask(ticket, parked, found)


def submit_end_session_confirm() -> Response:
    """Do what the person chose."""
    ticket = request.form.get("ticket", "")
    csrf.check(purpose(ticket))
    if "cancel" in request.form:
        return _cancel(ticket)
    match request.form.get("logout"):
        case "true" | "app" | "everywhere-confirmed" as choice:
            return _end(ticket, choice)
        case "everywhere":
            return _ask_again(ticket)
    return redirect(url_for("endpoints.show_end_session_confirm", ticket=ticket), 303)


def _end(ticket: str, choice: str) -> Response:
    result_handle = result_handle_of(ticket)
    parked, found, outcome = in_transaction(lambda: _take_and_end(ticket, choice, result_handle))
    if parked is None:
        return _repeated(ticket)
    case = EndSessionCase(**parked.parameters)
    if found is None:
        return _void(case)
    if choice == THIS_APP:
        return _after_app(outcome, case, result_handle)
    return after_end(outcome, case, result_handle)


def _take_and_end(
    ticket: str, choice: str, result_handle: str
) -> tuple[Interaction | None, FoundSession | None, LogoutOutcome | None]:
    """Use up the ticket and do what was chosen, if the ticket is good for a session that lives."""
    parked = take(ticket, cookies.browser(), KIND)
    found = _session_of(parked) if parked else None
    if parked is None or found is None:
        return parked, None, None
    return parked, found, _carry_out(choice, parked, found, result_handle)


def _carry_out(
    choice: str, parked: Interaction, found: FoundSession, result_handle: str
) -> LogoutOutcome | None:
    case = EndSessionCase(**parked.parameters)
    client = find_by_client_id(case.client_id) if case.client_id else None
    cause = Cause(
        # An app asks for the browser's sign-out; whatever else is chosen is the person's own wish.
        reason=LogoutReason.RP_INITIATED if client and choice == THIS_BROWSER else LogoutReason.USER,
        initiator="account",
        client=client,
        ip=client_address(),
        result_handle=result_handle,
    )
    if choice == EVERYWHERE_SURELY and not parked.answers.get("by_hint"):
        return end_everywhere(found.account, cause)
    if choice == THIS_APP:
        share = _share_of(found, client)
        if share is None or share.client_session is None:
            return None
        return end_share(
            share.client_session, cause, revoke_offline=share.client.id in _revoke_offline_of(parked, found)
        )
    return end(found.session, cause, revoke_offline_of=_revoke_offline_of(parked, found))


def _revoke_offline_of(parked: Interaction, found: FoundSession) -> set[UUID]:
    """Return whose offline grants go too, because the person was asked and has ticked it."""
    if "revoke_offline" not in request.form or parked.answers.get("by_hint"):
        return set()
    return {share.client.id for share in list_of_session(found.session.id) if share.asks_about_offline}


def _session_of(parked: Interaction) -> FoundSession | None:
    """Return the session that a ticket is good for: the browser's own, or the one that a hint named."""
    handle = cookies.session_handle()
    found = find_live(handle) if handle else None
    if found is not None:
        return found if found.session.id == parked.session_id else None
    if parked.answers.get("by_hint") and parked.session_id:
        return find_live_by_id(parked.session_id)
    return None


def _ask_again(ticket: str) -> Response:
    parked = find(ticket, cookies.browser(), KIND)
    found = _session_of(parked) if parked else None
    if parked is None or found is None or parked.answers.get("by_hint"):
        return redirect(url_for("endpoints.show_end_session_confirm", ticket=ticket), 303)
    return ask_about_everywhere(ticket, parked, found)


def _cancel(ticket: str) -> Response:
    with transaction():
        parked = take(ticket, cookies.browser(), KIND)
        if parked is not None:
            answer(parked, cancelled=True)
    case = EndSessionCase(**parked.parameters) if parked else EndSessionCase()
    if case.app_uri:
        return redirect(case.app_uri, 303)
    return page("session_kept.html", continue_url=None, continue_name=case.app_name)


def _after_app(outcome: LogoutOutcome | None, case: EndSessionCase, result_handle: str) -> Response:
    """Lead on after one app was signed out; the browser's session and its cookie live on."""
    target = case.return_to or result_page_of(result_handle)
    return redirect(by_way_of_frames(outcome, target) if outcome else target, 303)


def _void(case: EndSessionCase) -> Response:
    """Answer a ticket whose session is not this browser's: ask afresh about the one there is, if any."""
    handle = cookies.session_handle()
    if handle and find_live(handle):
        return redirect(url_for("endpoints.end_session"), 303)
    return already_signed_out(case, recent=True)


def _repeated(ticket: str) -> Response:
    """Answer a ticket that was used: the same way on as the first time, whatever has ended since."""
    parked = find_finished(ticket, cookies.browser(), KIND)
    if parked is None or parked.answers.get("cancelled"):
        return _void(EndSessionCase())
    case = EndSessionCase(**parked.parameters)
    result_handle = result_handle_of(ticket)
    if case.return_to is None and find_by_result_handle(result_handle) is None:
        return _void(case)
    return redirect(case.return_to or result_page_of(result_handle), 303)


def _share_of(found: FoundSession, client: Client | None) -> Share | None:
    if client is None:
        return None
    shares = list_of_session(found.session.id)
    return next((share for share in shares if share.client.id == client.id), None)
