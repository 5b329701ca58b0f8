"""Sessions of all people: who is signed in where, what has ended and why, and ending the chosen ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import request, url_for
from sqlalchemy import select
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.accounts.models import Account
from provider.accounts.queries import find_by_username
from provider.administration import sessions as acts
from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.console import gate
from provider.console.export import MOST_EXPORTED, csv_file
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS, Asked, listing, place
from provider.console.logouts import REASONS
from provider.holdings.queries import apps_of_sessions
from provider.infrastructure.database import db, reading
from provider.logout.models import Logout
from provider.logout.preview import Preview, preview_session
from provider.protocol.permissions import Permission
from provider.sessions import queries
from provider.sessions.models import Session
from provider.web.redirects import redirect_to

_HERE = "console.sessions"
_FILTERS = ("user", "client", "ended")
_COLUMNS = (
    *("id", "username", "account_id", "device", "ip", "apps", "amr", "created_at", "authenticated_at"),
    *("last_seen_at", "ended_at", "logout_id", "reason", "by"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One session with its person and apps, and the logout that ended it."""

    session: Session
    account: Account
    apps: tuple[Client, ...]
    logout: Logout | None
    # The cursor with which the list continues after this row.
    cursor: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A session that would end, and what goes with it."""

    session: Session
    account: Account
    preview: Preview


def show_list() -> Response:
    """Show the sessions, newest first."""
    asked = Asked.read(*_FILTERS)
    with reading():
        found = _found(asked, after=place(), limit=ROWS + 1)
    last = found[:ROWS][-1].cursor if found else None
    return console_page(
        "console/sessions.html",
        _HERE,
        asked=asked,
        listing=listing(found, last, _HERE, asked.values, ROWS),
        reasons=REASONS,
        export_url=url_for("console.sessions_export", **asked.values),
        ended=request.args.get("count", type=int),
    )


def export() -> Response:
    """Return the filtered sessions as CSV."""
    asked = Asked.read(*_FILTERS)
    with reading():
        found = _found(asked, limit=MOST_EXPORTED)
    return csv_file("curfew-sessions", _COLUMNS, map(_exported, found))


def _exported(row: Row) -> dict[str, object]:
    own: dict[str, object] = {name: getattr(row.session, name, None) for name in _COLUMNS}
    by = row.logout and (row.logout.actor_name or row.logout.initiator_client_id or row.logout.initiator)
    return own | {
        "username": row.account.username,
        "apps": " ".join(one.client_id for one in row.apps),
        "reason": row.logout.reason if row.logout else None,
        "by": by,
    }


def _found(asked: Asked, *, after: UUID | None = None, limit: int) -> list[Row]:
    person = find_by_username(asked.values["user"]) if asked.get("user") else None
    client = find_by_client_id(asked.values["client"]) if asked.get("client") else None
    with_ended = asked.get("ended") == "yes"
    if asked.get("user") and person is None:
        asked.mistakes.append("There is no person with this user name.")
    if asked.get("client") and client is None:
        asked.mistakes.append("There is no client with this client_id.")
    if client is not None and (person is not None or with_ended):
        asked.mistakes.append("A client is searched for alone, and among live sessions.")
    if asked.mistakes:
        return []
    if client is not None:
        return _rows(queries.list_of_client(client.id, after=after, limit=limit), with_ended=False)
    account_id = person.id if person else None
    found = queries.list_sessions(account_id=account_id, living=not with_ended, after=after, limit=limit)
    return _rows([(session, account, session.id) for session, account in found], with_ended=with_ended)


def _rows(found: Sequence[tuple[Session, Account, UUID]], *, with_ended: bool) -> list[Row]:
    apps = apps_of_sessions([session.id for session, _, _ in found], with_ended=with_ended)
    ids = {session.logout_id for session, _, _ in found if session.logout_id}
    ended = db.session.scalars(select(Logout).where(Logout.id.in_(ids))) if ids else ()
    logouts = {one.id: one for one in ended}
    return [
        Row(
            session=session,
            account=account,
            apps=apps.get(session.id, ()),
            logout=logouts.get(session.logout_id) if session.logout_id else None,
            cursor=cursor,
        )
        for session, account, cursor in found
    ]


def show_chosen() -> Response:
    """Show what ending the chosen sessions would end."""
    ids = _ids(request.args.getlist("session"))
    with reading():
        chosen = [one for session_id in ids if (one := _chosen(session_id))]
    return console_page("console/end_chosen.html", _HERE, chosen=chosen)


def _chosen(session_id: UUID) -> Chosen | None:
    session = queries.find(session_id)
    if session is None:
        raise NotFound
    if session.ended_at is not None:
        return None
    account: Any = db.session.get(Account, session.account_id)
    return Chosen(session=session, account=account, preview=preview_session(session_id))


def submit_chosen() -> Response:
    """End the chosen sessions."""
    ids = _ids(request.form.getlist("session"))
    ended = gate.act(Permission.END_SESSIONS, lambda _who: sum(_end(one) for one in ids))
    return redirect_to(_HERE, count=ended)


def _end(session_id: UUID) -> bool:
    try:
        acts.end(session_id)
    except acts.EndedAlready:
        return False
    except acts.UnknownSession as exc:
        raise NotFound from exc
    return True


def _ids(names: Sequence[str]) -> list[UUID]:
    """Return the chosen identifiers, at most one page of them, in an order that all requests share."""
    try:
        return sorted({UUID(name) for name in names})[:ROWS]
    except ValueError as exc:
        raise NotFound from exc


_ENDS = Permission.END_SESSIONS
ROUTES = (
    page_route("/sessions", "sessions", show_list),
    page_route("/sessions/export", "sessions_export", export),
    page_route("/sessions/end", "end_chosen", show_chosen, needs=_ENDS),
    page_route("/sessions/end", "end_chosen_submit", submit_chosen, needs=_ENDS, methods=("POST",)),
)
