"""Ending a person's sessions, a grant, or everything; each is previewed before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.accounts.queries import lock
from provider.administration import accounts as acts
from provider.administration import grants as grant_acts
from provider.administration import sessions as session_acts
from provider.clients import queries as clients
from provider.console import gate
from provider.console.gate import Administrator
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS
from provider.console.people import get
from provider.grants import queries as grants
from provider.infrastructure.database import reading
from provider.logout.preview import Preview, preview_everywhere, preview_session
from provider.protocol.permissions import Permission
from provider.sessions import queries as sessions
from provider.sessions.models import Session
from provider.web.redirects import redirect_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """One session that would end, and what goes with it."""

    session: Session
    preview: Preview


def show_sessions(account_id: UUID) -> Response:
    """Show what ending the chosen sessions would end."""
    with reading():
        account = get(account_id)
        chosen = _chosen(account_id, request.args.getlist("session"))
        previewed = [Previewed(session=one, preview=preview_session(one.id)) for one in chosen]
    return console_page("console/end_sessions.html", "console.people", account=account, previewed=previewed)


def submit_sessions(account_id: UUID) -> Response:
    """End the chosen sessions."""
    ids = [one.id for one in _chosen(account_id, request.form.getlist("session"))]
    ended = gate.act(Permission.END_SESSIONS, lambda _who: sum(_end(one) for one in ids))
    return _back(account_id, "sessions" if ended else "nothing")


def _end(session_id: UUID) -> bool:
    try:
        session_acts.end(session_id)
    except session_acts.EndedAlready:
        return False
    return True


def _chosen(account_id: UUID, names: Sequence[str]) -> list[Session]:
    """Return the person's live sessions among these identifiers, at most a page; 404 for another person's."""
    found = []
    for name in list(dict.fromkeys(names))[:ROWS]:
        try:
            session = sessions.find(UUID(name))
        except ValueError as exc:
            raise NotFound from exc
        if session is None or session.account_id != account_id:
            raise NotFound
        found.append(session)
    return [one for one in found if one.ended_at is None]


def show_everywhere(account_id: UUID) -> Response:
    """Show what signing out everywhere would end."""
    with reading():
        account = get(account_id)
        preview = preview_everywhere(account_id)
    return console_page("console/everywhere.html", "console.people", account=account, preview=preview)


def submit_everywhere(account_id: UUID) -> Response:
    """End all sessions and grants of a person."""

    def end(_who: Administrator) -> None:
        account = lock(account_id)
        if account is None or account.deleted_at is not None:
            raise NotFound
        acts.sign_out_everywhere(account)

    gate.act(Permission.END_SESSIONS, end)
    return _back(account_id, "everywhere")


def show_grant(account_id: UUID, grant_id: UUID) -> Response:
    """Show what revoking a grant would end."""
    with reading():
        account = get(account_id)
        grant = grants.find(grant_id)
        if grant is None or grant.account_id != account_id:
            raise NotFound
        client = clients.find(grant.client_id)
    return console_page(
        "console/revoke_grant.html", "console.people", account=account, grant=grant, client=client
    )


def submit_grant(account_id: UUID, grant_id: UUID) -> Response:
    """Revoke a grant with everything issued on it."""

    def revoke(_who: Administrator) -> bool:
        grant = grants.find(grant_id)
        if grant is None or grant.account_id != account_id:
            raise NotFound
        return grant_acts.revoke(grant_id) is not None

    return _back(account_id, "grant" if gate.act(Permission.END_SESSIONS, revoke) else "nothing")


def _back(account_id: UUID, done: str) -> Response:
    return redirect_to("console.person", account_id=account_id, done=done)


_BELOW = "/people/<uuid:account_id>"
_ENDS = Permission.END_SESSIONS
_POST = ("POST",)
ROUTES = (
    page_route(f"{_BELOW}/sessions", "end_sessions", show_sessions, needs=_ENDS),
    page_route(f"{_BELOW}/sessions", "end_sessions_submit", submit_sessions, needs=_ENDS, methods=_POST),
    page_route(f"{_BELOW}/everywhere", "everywhere", show_everywhere, needs=_ENDS),
    page_route(f"{_BELOW}/everywhere", "everywhere_submit", submit_everywhere, needs=_ENDS, methods=_POST),
    page_route(f"{_BELOW}/grants/<uuid:grant_id>", "revoke_grant", show_grant, needs=_ENDS),
    page_route(
        f"{_BELOW}/grants/<uuid:grant_id>", "revoke_grant_submit", submit_grant, needs=_ENDS, methods=_POST
    ),
)
