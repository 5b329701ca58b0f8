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
from provider.inspection.why_not_notified import Explanation, Verdict, explain
from provider.sessions import queries as sessions
from provider.sessions.models import Session

# The verdict in a sentence, what it means for the person, and what can be done.
SENTENCES = {
    Verdict.NOT_PART: (
        "The app was not part of this session.",
        "Only apps that got a code in a session are notified of its end. The person used it in another one.",
    ),
    Verdict.LIVE: (
        "The app is still signed in by this session.",
        "Neither the session nor the app's part of it has ended, so there is nothing to notify.",
    ),
    Verdict.ASKS_ITSELF: (
        "The console needs no notification.",
        "It asks the provider with every request whether the session lives.",
    ),
    Verdict.ACCEPTED: (
        "The app was notified.",
        "It confirmed the Logout Token. If the person is still signed in there, examine it with the doctor.",
    ),
    Verdict.WAITING: (
        "Not yet: the notification waits for its next attempt.",
        "It is tried again by itself until it expires.",
    ),
    Verdict.REFUSING: (
        "The app refuses the notification.",
        "It answers, but not with success. Attempts go on; its log says why it refuses.",
    ),
    Verdict.EXPIRED: (
        "The app did not accept it in time.",
        "No attempt succeeded within the retry schedule. Sending it again starts the schedule anew.",
    ),
    Verdict.CANCELLED: (
        "An operator cancelled the notification.",
        "The reason is recorded with the delivery.",
    ),
    Verdict.SUPERSEDED: (
        "The person had signed in at the app again.",
        "The token would have named the person alone, and so would have ended the newer session.",
    ),
    Verdict.NOT_TOLD_OF_EXPIRY: (
        "The app is not notified of expired sessions.",
        "The session expired, and the client's option told_of_expiry is off.",
    ),
    Verdict.NO_ADDRESS: (
        "The app had no address for notifications.",
        "At that time the client had no backchannel_logout_uri, so its own session ends when it decides.",
    ),
    Verdict.PRUNED: (
        "The record was deleted for its age.",
        "Deliveries are kept for a limited time after they have finished (CURFEW_DELIVERY_RETENTION).",
    ),
}


def show() -> Response:
    """Ask for an app and a session, and answer."""
    asked = Asked.read("client", "session")
    with reading():
        found = _explained(asked)
        failing = degraded.find_failing(found.client.id) if found else None
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
    """A session is named by its identifier, or by the sid under which the app knows it."""
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
