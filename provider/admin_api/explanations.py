"""Answers the question "why was this app not notified?" for any app and session."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.deliveries import views_of
from provider.admin_api.delivery_models import DeliveryView
from provider.admin_api.inputs import Query
from provider.admin_api.operation import Call, Operation, Response
from provider.administration.sessions import UnknownSession
from provider.clients import queries as clients
from provider.inspection.why_not_notified import SENTENCES, Explanation, Verdict, explain
from provider.protocol.permissions import Permission
from provider.protocol.problems import InvalidInput
from provider.sessions import queries as sessions


class AskWhy(Query, frozen=True, kw_only=True):
    """The app, and the session by its identifier or by the `sid` that the app knows."""

    client_id: Annotated[str, Meta(min_length=1, max_length=255)]
    session_id: UUID | None = None
    sid: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class ExplanationView(msgspec.Struct, frozen=True, kw_only=True):
    """Why an app was or was not notified that a session ended, with the evidence."""

    verdict: Verdict
    sentence: str
    meaning: str
    client_id: str
    session_id: UUID
    sid: str | None
    logout_id: UUID | None
    delivery: DeliveryView | None


def show(call: Call) -> Response:
    """Answer with the explanation."""
    asked: AskWhy = call.query
    if (asked.session_id is None) == (asked.sid is None):
        raise InvalidInput("name the session either by session_id or by sid")
    return Response(body=call.read(lambda: _view(_explained(asked))))


def _explained(asked: AskWhy) -> Explanation:
    client = clients.get_by_client_id(asked.client_id)
    if asked.sid is not None:
        by_sid = sessions.find_by_sid(asked.sid)
        if by_sid is None:
            raise UnknownSession("there is no session with this sid")
        return explain(client, by_sid[1], sid=asked.sid)
    session = sessions.find(asked.session_id) if asked.session_id else None
    if session is None:
        raise UnknownSession(f"there is no session {asked.session_id}")
    return explain(client, session)


def _view(found: Explanation) -> ExplanationView:
    sentence, meaning = SENTENCES[found.verdict]
    joined, logout = found.client_session, found.logout
    return ExplanationView(
        verdict=found.verdict,
        sentence=sentence,
        meaning=meaning,
        client_id=found.client.client_id,
        session_id=found.session.id,
        sid=joined.sid if joined else None,
        logout_id=logout.id if logout else None,
        delivery=views_of([found.delivery])[0] if found.delivery else None,
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/notification-explanation",
        name="explain_notification",
        summary="Explain why an app was or was not notified that a session ended.",
        permission=Permission.READ,
        view=show,
        query=AskWhy,
        response=ExplanationView,
    ),
)
