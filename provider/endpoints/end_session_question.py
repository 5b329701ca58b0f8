"""The question before a sign-out, and the confirmation before signing out everywhere."""

from collections.abc import Sequence
from typing import Any

from werkzeug.wrappers import Response

from provider.clients.own import is_own
from provider.endpoints.end_session_case import EndSessionCase
from provider.endpoints.signed_out import already_signed_out
from provider.holdings.queries import own_first
from provider.interactions.models import Interaction
from provider.logout.participants import Participant, list_of_session
from provider.logout.preview import preview_everywhere
from provider.logout.signed_tokens import SignedTokens, list_of_participants
from provider.sessions.queries import FoundSession
from provider.web import csrf
from provider.web.headers import allow_form_action
from provider.web.i18n import speak
from provider.web.layout import page


def ask(ticket: str, parked: Interaction, found: FoundSession) -> Response:
    """Ask what to end, and show what each choice includes."""
    case = EndSessionCase.of(parked)
    by_hint = bool(parked.answers.get("by_hint"))
    participants = concerned(parked, found, lock=False)
    if by_hint and not participants:
        return already_signed_out(case, recent=True)
    return _page(
        "session_end_confirm.html",
        ticket,
        case,
        app_name=case.app_name,
        client_id=case.client_id,
        unusable=case.unusable,
        by_hint=by_hint,
        # A browser with an ID Token but without the cookie does not learn who the person is.
        person=None if by_hint else found.account.display_name,
        username=None if by_hint else found.account.username,
        ends=[
            {"name": participant.client.display_name, "will_be_notified": participant.has_address}
            for participant in participants
            if not is_own(participant.client)
        ],
        survives=[
            {"name": participant.client.display_name, "until": participant.grant.expires_at}
            for participant in participants
            if participant.survives_browser
        ],
        signed_tokens=_signed_tokens(parked, found, participants),
        asked_about=[]
        if by_hint
        else [
            participant.client.display_name for participant in participants if participant.asks_about_offline
        ],
        can_end_app=not by_hint
        and any(participant.client.client_id == case.client_id for participant in participants),
        can_end_everywhere=not by_hint,
    )


def concerned(parked: Interaction, found: FoundSession, *, lock: bool) -> list[Participant]:
    """Return the participants that a request may show and end: those of its session, or only a hint's client.

    An ID Token without the session's cookie may come from any machine, so it reveals only what its own client
    knows anyway.
    """
    participants = list_of_session(found.session.id, lock=lock)
    if not parked.answers.get("by_hint"):
        return participants
    sid = EndSessionCase.of(parked).sid
    return [participant for participant in participants if participant.sid == sid]


def _signed_tokens(
    parked: Interaction, found: FoundSession, participants: Sequence[Participant]
) -> list[SignedTokens]:
    """Return the signed access tokens that outlive the logout; for a hint, only its own client's."""
    held = list_of_participants(found.account.id, participants)
    own = {participant.client.id for participant in participants}
    return [one for one in held if one.client.id in own or not parked.answers.get("by_hint")]


def ask_about_everywhere(ticket: str, parked: Interaction, found: FoundSession) -> Response:
    """Ask again, and name every session and app that would end; never shown for a hint without the cookie."""
    preview = preview_everywhere(found.account.id)
    return _page(
        "session_end_everywhere.html",
        ticket,
        EndSessionCase.of(parked),
        account=found.account,
        own=found.session,
        preview=preview,
        sessions=own_first(preview.sessions, found.session),
    )


def purpose(ticket: str) -> str:
    """Return the purpose that the CSRF tokens of these pages are bound to."""
    return f"end-session {ticket}"


def _page(template: str, ticket: str, case: EndSessionCase, **context: Any) -> Response:
    speak(case.ui_locales or "")
    for uri in filter(None, (case.return_to, case.app_uri)):
        allow_form_action(uri)
    return page(template, ticket=ticket, csrf=csrf.token_for(purpose(ticket)), **context)
