"""The answer to "why was this app not notified?" for any app and session."""

from uuid import UUID

from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import Asked
from provider.delivery import degraded
from provider.infrastructure.database import reading
from provider.inspection.why_not_notified import SENTENCES, Explanation, explain
from provider.logout.notice import recipient_of
from provider.sessions import queries as sessions
from provider.sessions.models import Session


def show() -> Response:
    """Ask for an app and a session, and show the answer."""
    asked = Asked.read("client", "session")
    with reading():
        found = _explained(asked)
        failing = degraded.find_failing(recipient_of(found.client.id)) if found else None
    return console_page(
        "console/why.html",
        "console.logouts",
        asked=asked,
        found=found,
        sentences=SENTENCES[found.verdict] if found else None,
        failing=failing,
    )


def _explained(asked: Asked) -> Explanation | None:
    named, session_name = asked.get("client"), asked.get("session")
    if not named or not session_name:
        return None
    client = find_by_client_id(named)
    if client is None:
        asked.mistakes.append("There is no client with this client_id.")
        return None
    return _of_session(asked, client, session_name)


def _of_session(asked: Asked, client: Client, name: str) -> Explanation | None:
    """Explain the session with this identifier, or with this sid at the app."""
    by_sid = sessions.find_by_sid(name)
    if by_sid is not None:
        return explain(client, by_sid[1], sid=name)
    session = _session(name)
    if session is None:
        asked.mistakes.append("There is no session with this identifier or sid.")
        return None
    return explain(client, session)


def _session(name: str) -> Session | None:
    try:
        return sessions.find(UUID(name))
    except ValueError:
        return None


ROUTES = (page_route("/why", "why", show),)
