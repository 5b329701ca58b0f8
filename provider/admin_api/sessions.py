"""Sessions: list them, end one or some, or sign a person out everywhere."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.accounts import queries as accounts
from provider.accounts.models import Account
from provider.admin_api.inputs import Input, Page
from provider.admin_api.logout_outcomes import Ended, WouldEnd, ended_of, would_end
from provider.admin_api.operation import Call, Operation, Response
from provider.administration import accounts as acts
from provider.administration import sessions
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.holdings.queries import apps_of_sessions
from provider.infrastructure import clock
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput
from provider.sessions import queries
from provider.sessions.models import Session

_MOST_AT_ONCE = 100


class ListSessions(Page, frozen=True, kw_only=True):
    """A filter of sessions: of a person, or the live ones of a client."""

    person_id: UUID | None = None
    client_id: Annotated[str, Meta(max_length=255)] | None = None
    with_ended: bool = False


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """The session of a browser or device, and the apps in it."""

    id: UUID
    person_id: UUID
    username: str
    device: str
    is_device: bool
    ip: str | None
    amr: list[str]
    state: str
    created_at: datetime
    authenticated_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    logout_id: UUID | None
    apps: list[str]


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of sessions, newest first."""

    items: list[SessionView]
    next: UUID | None


class SessionsToEnd(Input, frozen=True, kw_only=True):
    """Sessions to end in one transaction."""

    session_ids: Annotated[list[UUID], Meta(min_length=1, max_length=_MOST_AT_ONCE)]


class SessionResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one session: it ended, or why it did not."""

    session_id: UUID
    ended: Ended | None
    problem: str | None


class SessionResults(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for each session."""

    items: list[SessionResult]


def list_sessions(call: Call) -> Response:
    """Answer with a page of sessions."""
    asked: ListSessions = call.query
    if asked.client_id is not None and (asked.person_id is not None or asked.with_ended):
        raise InvalidInput("client_id cannot be combined with person_id or with_ended")
    return Response(body=call.read(lambda: _page(asked)))


def show_session(call: Call, session_id: UUID) -> Response:
    """Answer with one session, ended or not."""

    def look() -> SessionView:
        found = queries.find(session_id)
        account = accounts.find(found.account_id) if found else None
        if found is None or account is None:
            raise sessions.UnknownSession(f"there is no session {session_id}")
        apps = apps_of_sessions([found.id], with_ended=found.ended_at is not None)
        return _view(found, account, apps.get(found.id, ()))

    return Response(body=call.read(look))


def end_session(call: Call, session_id: UUID) -> Response:
    """End one session and notify its apps."""
    return call.transact(lambda: Response(body=ended_of(sessions.end(session_id))))


def end_sessions(call: Call) -> Response:
    """End some sessions; unknown or ended ones do not prevent the others from ending."""
    asked: SessionsToEnd = call.body
    # Sorted, so that two callers cannot deadlock.
    ids = sorted(set(asked.session_ids))
    return call.transact(lambda: Response(body=SessionResults(items=[_end(one) for one in ids])))


def sign_out_person(call: Call, person_id: UUID) -> Response:
    """End all sessions and grants of a person."""
    return call.transact(lambda: Response(body=ended_of(acts.sign_out_everywhere(accounts.get(person_id)))))


def preview_sign_out(call: Call, person_id: UUID) -> Response:
    """Answer with what signing the person out would end."""
    return Response(body=call.read(lambda: would_end(acts.measure(accounts.get(person_id)))))


def _page(asked: ListSessions) -> SessionPage:
    if asked.client_id is not None:
        client = clients.get_by_client_id(asked.client_id)
        of_client = queries.list_of_client(client.id, after=asked.after, limit=asked.limit + 1)
        rows, cursors = [row[:2] for row in of_client], [row[2] for row in of_client]
    else:
        rows = queries.list_sessions(
            account_id=asked.person_id,
            living=not asked.with_ended,
            after=asked.after,
            limit=asked.limit + 1,
        )
        cursors = [session.id for session, _ in rows]
    shown = rows[: asked.limit]
    apps = apps_of_sessions([session.id for session, _ in shown], with_ended=asked.with_ended)
    views = [_view(session, account, apps.get(session.id, ())) for session, account in shown]
    return SessionPage(items=views, next=cursors[asked.limit - 1] if len(rows) > asked.limit else None)


def _end(session_id: UUID) -> SessionResult:
    try:
        ended = ended_of(sessions.end(session_id))
    except (sessions.UnknownSession, sessions.EndedAlready) as exc:
        return SessionResult(session_id=session_id, ended=None, problem=str(exc))
    return SessionResult(session_id=session_id, ended=ended, problem=None)


def _view(one: Session, account: Account, apps: tuple[Client, ...]) -> SessionView:
    return SessionView(
        id=one.id,
        person_id=account.id,
        username=account.username,
        device=one.device,
        is_device=one.is_device,
        ip=one.ip,
        amr=one.amr.split(),
        state="ended" if one.ended_at else "living" if one.is_live(clock.now()) else "expired",
        created_at=one.created_at,
        authenticated_at=one.authenticated_at,
        last_seen_at=one.last_seen_at,
        ends_at=one.ends_at,
        ended_at=one.ended_at,
        logout_id=one.logout_id,
        apps=[app.client_id for app in apps],
    )


_READ, _END = Permission.READ, Permission.END_SESSIONS
OPERATIONS = (
    Operation(
        method="GET",
        rule="/sessions",
        name="list_sessions",
        summary="List sessions, newest first: all, those of a person, or the live ones of a client.",
        permission=_READ,
        view=list_sessions,
        query=ListSessions,
        response=SessionPage,
    ),
    Operation(
        method="GET",
        rule="/sessions/<uuid:session_id>",
        name="show_session",
        summary="Show a session, ended or not.",
        permission=_READ,
        view=show_session,
        response=SessionView,
    ),
    Operation(
        method="POST",
        rule="/sessions/<uuid:session_id>/end",
        name="end_session",
        summary="End one session and notify its apps; offline grants stay.",
        permission=_END,
        view=end_session,
        response=Ended,
    ),
    Operation(
        method="POST",
        rule="/session-ends",
        name="end_sessions",
        summary="End up to 100 sessions in one transaction.",
        permission=_END,
        view=end_sessions,
        body=SessionsToEnd,
        response=SessionResults,
    ),
    Operation(
        method="POST",
        rule="/people/<uuid:person_id>/sign-out",
        name="sign_out_person",
        summary="End all sessions and grants of a person, offline ones too.",
        permission=_END,
        view=sign_out_person,
        response=Ended,
    ),
    Operation(
        method="GET",
        rule="/people/<uuid:person_id>/sign-out-preview",
        name="preview_sign_out",
        summary="Count what signing a person out everywhere would end.",
        permission=_READ,
        view=preview_sign_out,
        response=WouldEnd,
    ),
)
