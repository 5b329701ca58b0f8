"""List and end the sessions of a person."""

from uuid import UUID

from flask import Response, jsonify, request

from provider.accounts.queries import lock
from provider.api import responses
from provider.api.account_route import account_route
from provider.api.caller import Caller, authenticate
from provider.api.openapi_account import PAGE, operation
from provider.api.pages import PageRequest
from provider.holdings.queries import count_held_sessions, list_held_sessions
from provider.infrastructure.database import in_transaction, reading
from provider.logout.end_session import end
from provider.logout.others import end_others
from provider.protocol.errors import NotFound, ProtocolError, UnprocessableRequest
from provider.sessions.queries import find, find_live_by_id
from provider.web.openapi import as_json, in_path, response, schema
from provider.web.parameters import read_parameters


def list_sessions() -> Response:
    """Answer with a page of the person's live sessions, newest first."""
    caller = authenticate()
    page = PageRequest.read(read_parameters(request))
    # One more than the limit shows whether there is another page.
    with reading():
        held = list_held_sessions(caller.account.id, after=page.after, limit=page.limit + 1)
    shown = held[: page.limit]
    return jsonify(
        sessions=[responses.session(one, current=one.session.id == caller.session_id) for one in shown],
        next=str(shown[-1].session.id) if len(held) > page.limit else None,
    )


def end_session(session_id: UUID) -> Response:
    """End one session of the person; the response is the same if it has already ended."""
    caller = authenticate()
    in_transaction(lambda: _end(session_id, caller))
    return responses.nothing()


def end_other_sessions() -> Response:
    """End every session of the person except the one in which the token was issued."""
    caller = authenticate()
    refusal = in_transaction(lambda: _end_others(caller))
    if refusal is not None:
        raise refusal
    return responses.nothing()


def _end_others(caller: Caller) -> ProtocolError | None:
    account = lock(caller.account.id)
    # The session of an offline grant may have ended; then there is none to keep.
    if account is None or find_live_by_id(caller.session_id) is None:
        return UnprocessableRequest("the session in which this token was issued has ended")
    if count_held_sessions(account.id) > 1:
        end_others(account, caller.session, caller.cause(), keep_offline=True)
    return None


def _end(session_id: UUID, caller: Caller) -> None:
    session = find(session_id)
    # The response for another person's session is the one for an unknown session (SEC-716, SEC-801).
    if session is None or session.account_id != caller.account.id:
        raise NotFound("there is no such session")
    if session.ended_at is None:
        end(session, caller.cause())


ROUTES = (
    account_route(
        "/account/sessions",
        "list_sessions",
        list_sessions,
        "GET",
        operation(
            "listSessions",
            "The person's active sessions, newest first.",
            {"200": as_json("A page of sessions.", schema("Sessions"))},
            parameters=PAGE,
        ),
    ),
    account_route(
        "/account/sessions",
        "end_other_sessions",
        end_other_sessions,
        "DELETE",
        operation(
            "endOtherSessions",
            "Sign out of all other browsers and devices; offline grants stay.",
            {"204": response("Done"), "422": response("OtherError")},
        ),
    ),
    account_route(
        "/account/sessions/<uuid:session_id>",
        "end_session",
        end_session,
        "DELETE",
        operation(
            "endSession",
            "Sign out of one browser; offline grants stay.",
            {"204": response("Done"), "404": response("Unknown")},
            parameters=[in_path("session_id", "The session's id.")],
        ),
    ),
)
