"""Sessions and grants: begin one without a page, list them, end them on demand."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request
from sqlalchemy import select
from werkzeug.exceptions import NotFound

from provider.accounts import queries as accounts
from provider.accounts.models import Account
from provider.administration import grants as grant_acts
from provider.authentication import session as beginning
from provider.authentication.factors import Factor
from provider.clients.models import Client
from provider.dev.api.body import at, created, member, read_body
from provider.dev.api.people import get as get_person
from provider.dev.api.people import what_ended
from provider.dev.only_this_machine import API
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end as end_session
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.protocol.errors import InvalidRequest
from provider.sessions import queries
from provider.sessions.models import ClientSession, Session
from provider.web import cookies
from provider.web.route import Route, Speaks
from provider.web.this_browser import this_browser

CAUSE = Cause(reason=LogoutReason.ADMIN, initiator="admin")
_MOST = 1000


def list_sessions() -> Response:
    """List the sessions, newest first and including ended ones, with the `sid` that each app knows."""
    username = request.args.get("username")
    account_id = get_person(username).id if username else None
    return jsonify({"sessions": [shown(*one) for one in find(account_id)]})


def begin() -> Response:
    """Sign a person in to this browser, as the sign-in page would: the response sets the session's cookie."""
    given = read_body({"username"})
    username = member(given, "username", str, "")
    if not username:
        raise InvalidRequest("username is missing")
    found = get_person(username)
    browser = this_browser()
    with transaction():
        account = accounts.lock(found.id)
        if account is None:
            raise NotFound
        session, handle = beginning.begin(account, [Factor.PASSWORD], browser)
    cookies.keep_session(handle)
    return created(shown(session, found))


def end(name: str) -> Response:
    """End a central session, named by its id or by the `sid` of any of its apps."""
    read_body(())
    session = session_named(name)
    with transaction():
        outcome = end_session(session, CAUSE)
    return jsonify(what_ended(outcome))


def end_app(sid: str) -> Response:
    """End one app's client session, and its grant unless that is offline."""
    read_body(())
    named = queries.find_by_sid(sid)
    if named is None:
        raise NotFound
    with transaction():
        outcome = end_client_session(named[0], CAUSE)
    return jsonify(what_ended(outcome))


def list_grants() -> Response:
    """List what people have allowed apps, newest first, including revoked grants."""
    rows = db.session.execute(
        select(Grant, Client.client_id, Account.username)
        .join(Client, Client.id == Grant.client_id)
        .join(Account, Account.id == Grant.account_id)
        .order_by(Grant.id.desc())
        .limit(_MOST)
    )
    return jsonify({"grants": [_grant(*row) for row in rows]})


def end_grant(grant_id: UUID) -> Response:
    """Revoke a grant with everything that was issued on it."""
    read_body(())
    with transaction():
        outcome = grant_acts.revoke(grant_id)
    if outcome is None:
        raise NotFound
    return jsonify(what_ended(outcome))


def find(account_id: UUID | None = None) -> list[tuple[Session, Account]]:
    """Find the sessions of a person, or of everyone, newest first."""
    return queries.list_sessions(account_id=account_id, living=False, limit=_MOST)


def shown(session: Session, account: Account) -> dict[str, Any]:
    """Return a session with its apps."""
    return {
        "id": str(session.id),
        "username": account.username,
        "sub": account.sub,
        "device": session.device,
        "is_live": session.is_live(clock.now()),
        "authenticated_at": at(session.authenticated_at),
        "ends_at": at(session.ends_at),
        "ended_at": at(session.ended_at),
        "apps": [
            {"client_id": client_id, "sid": one.sid, "ended_at": at(one.ended_at)}
            for one, client_id in _apps_of(session)
        ],
    }


def _apps_of(session: Session) -> list[tuple[ClientSession, str]]:
    rows = db.session.execute(
        select(ClientSession, Client.client_id)
        .join(Client, Client.id == ClientSession.client_id)
        .where(ClientSession.session_id == session.id)
        .order_by(ClientSession.created_at)
    )
    return [(row[0], row[1]) for row in rows]


def session_named(name: str) -> Session:
    """Return the session that an id or a `sid` names, ended or not. Raises NotFound."""
    named = queries.find_by_sid(name)
    if named is not None:
        return named[1]
    try:
        session = queries.find(UUID(name))
    except ValueError:
        session = None
    if session is None:
        raise NotFound
    return session


def _grant(grant: Grant, client_id: str, username: str) -> dict[str, Any]:
    return {
        "id": str(grant.id),
        "client_id": client_id,
        "username": username,
        "scope": grant.scope,
        "offline": grant.offline,
        "expires_at": at(grant.expires_at),
        "revoked_at": at(grant.revoked_at),
    }


def _route(rule: str, name: str, view: Any, method: str = "POST") -> Route:
    return Route(rule=f"{API}{rule}", name=name, view=view, methods=(method,), speaks=Speaks.JSON)


ROUTES = (
    _route("/sessions", "sessions", list_sessions, "GET"),
    _route("/sessions", "begin_session", begin),
    _route("/sessions/<name>/end", "end_session", end),
    _route("/app-sessions/<sid>/end", "end_app_session", end_app),
    _route("/grants", "grants", list_grants, "GET"),
    _route("/grants/<uuid:grant_id>/end", "end_grant", end_grant),
)
