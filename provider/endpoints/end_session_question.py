"""The question before a sign-out, and the confirmation before signing out everywhere."""

from collections.abc import Sequence
from typing import Any

from werkzeug.wrappers import Response

from provider.endpoints.end_session_case import EndSessionCase
from provider.endpoints.signed_out import already_signed_out
from provider.holdings.queries import own_first
from provider.interactions.models import Interaction
from provider.logout.preview import preview_everywhere
from provider.logout.shares import Share, list_of_session
from provider.logout.signed_tokens import SignedTokens, list_of_shares
from provider.sessions.queries import FoundSession
from provider.web import csrf
from provider.web.headers import allow_form_action
from provider.web.i18n import speak
from provider.web.layout import page


def ask(ticket: str, parked: Interaction, found: FoundSession) -> Response:
    """Ask what to end, and show what goes with each choice."""
    case = EndSessionCase.of(parked)
    by_hint = bool(parked.answers.get("by_hint"))
    shares = concerned(parked, found, lock=False)
    if by_hint and not shares:
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
        ends=[{"name": share.client.display_name, "will_be_notified": share.has_address} for share in shares],
        survives=[
            {"name": share.client.display_name, "until": share.grant.expires_at}
            for share in shares
            if share.survives_browser
        ],
        signed_tokens=_signed_tokens(parked, found, shares),
        asked_about=[]
        if by_hint
        else [share.client.display_name for share in shares if share.asks_about_offline],
        can_end_app=not by_hint and any(share.client.client_id == case.client_id for share in shares),
        can_end_everywhere=not by_hint,
    )


def concerned(parked: Interaction, found: FoundSession, *, lock: bool) -> list[Share]:
    """Return the shares that a request may show and end: those of its session, or of a hint's client alone.

    An ID Token without the session's cookie proves what its own client knows, from whatever machine.
    """
    shares = list_of_session(found.session.id, lock=lock)
    if not parked.answers.get("by_hint"):
        return shares
    sid = EndSessionCase.of(parked).sid
    return [share for share in shares if share.sid == sid]


def _signed_tokens(parked: Interaction, found: FoundSession, shares: Sequence[Share]) -> list[SignedTokens]:
    """Return the signed access tokens that outlive the logout; for a hint, only its own client's."""
    held = list_of_shares(found.account.id, shares)
    own = {share.client.id for share in shares}
    return [one for one in held if one.client.id in own or not parked.answers.get("by_hint")]


def ask_about_everywhere(ticket: str, parked: Interaction, found: FoundSession) -> Response:
    """Ask again, and name every session and app that would end. Never for a hint without the cookie."""
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
    """Return the CSRF purpose of the forms of these pages."""
    return f"end-session {ticket}"


def _page(template: str, ticket: str, case: EndSessionCase, **context: Any) -> Response:
    speak(case.ui_locales or "")
    for uri in filter(None, (case.return_to, case.app_uri)):
        allow_form_action(uri)
    return page(template, ticket=ticket, csrf=csrf.token_for(purpose(ticket)), **context)
