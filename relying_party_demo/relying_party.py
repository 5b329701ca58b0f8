"""What one running app consists of, for the request that needs it."""

import secrets
import threading
from dataclasses import dataclass, field

from flask import current_app, g, request
from werkzeug.wrappers import Response

from relying_party_demo.behaviour import Behaviour
from relying_party_demo.config import RelyingPartyConfig
from relying_party_demo.database import Database
from relying_party_demo.heard_logouts import HeardLogouts
from relying_party_demo.journal import Journal
from relying_party_demo.local_sessions import LocalSession, LocalSessions
from relying_party_demo.openid_client import OpenIDClient
from relying_party_demo.openid_provider import OpenIDProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """The parts of one app, put together in `app.py`."""

    config: RelyingPartyConfig
    database: Database
    provider: OpenIDProvider
    client: OpenIDClient
    sessions: LocalSessions
    heard: HeardLogouts
    journal: Journal
    behaviour: Behaviour
    # A refresh token that rotates must not be redeemed twice at once, which would look like theft.
    refresh_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cookie_name(self) -> str:
        """Cookies on localhost are shared across ports, so each app needs a name of its own."""
        return f"rp_{self.config.name}"


def current_rp() -> RelyingParty:
    """The app that answers this request."""
    rp: RelyingParty = current_app.extensions["relying_party"]
    return rp


def current_session() -> LocalSession | None:
    """The session of this request's browser, live or ended; None for a browser we have not met."""
    if "local_session" not in g:
        handle = request.cookies.get(current_rp().cookie_name)
        g.local_session = current_rp().sessions.find_by_handle(handle) if handle else None
    session: LocalSession | None = g.local_session
    return session


def live_session() -> LocalSession | None:
    """The session of this request's browser if the person is signed in."""
    session = current_session()
    return session if session and session.is_live else None


def new_handle() -> str:
    """A handle nobody can guess."""
    return secrets.token_urlsafe(32)


def hand_over(response: Response, handle: str) -> Response:
    """Give the browser the handle of its session."""
    rp = current_rp()
    response.set_cookie(rp.cookie_name, handle, httponly=True, samesite="Lax", secure=rp.config.is_https)
    return response


def end_locally(session: LocalSession, reason: str) -> None:
    """End one session of this app and say so; an ended one stays as it is."""
    rp = current_rp()
    tell_ended(rp.sessions.end(session.id, reason))
    forget_current_session()


def tell_ended(ended: list[LocalSession]) -> None:
    """Say in the journal which sessions ended, and why."""
    for session in ended:
        current_rp().journal.record(
            "rp_session_ended", sub=session.sub, sid=session.sid, reason=session.end_reason
        )


def forget_current_session() -> None:
    """Read the session anew when it is asked for next."""
    g.pop("local_session", None)
