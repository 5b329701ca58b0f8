"""The parts of one running app, and the session of a request for its views."""

import threading
from dataclasses import dataclass, field

from flask import current_app, session

from curfew_rp.app_session import User
from curfew_rp.flask import CurfewRP
from curfew_rp.notices import Why
from relying_party_demo.behaviour import Behaviour
from relying_party_demo.config import RelyingPartyConfig
from relying_party_demo.database import Database
from relying_party_demo.journal import Journal
from relying_party_demo.local_sessions import LocalSession, LocalSessions

# The key under which the browser's session keeps the id of the ended session, so that the page can say why it
# ended.
_LAST = "last_session"
_REASONS = {
    "signed out": "signed out at this app, which sent you to the provider",
    "replaced": "replaced by a new sign-in",
    "ended": "expired at this app",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """The parts of one app, put together in `app.py`."""

    config: RelyingPartyConfig
    database: Database
    curfew: CurfewRP
    sessions: LocalSessions
    journal: Journal
    behaviour: Behaviour
    # A rotating refresh token must not be redeemed twice at once, which would look like theft.
    refresh_lock: threading.Lock = field(default_factory=threading.Lock)


def current_rp() -> RelyingParty:
    """Return the app that answers this request."""
    rp: RelyingParty = current_app.extensions["relying_party"]
    return rp


def current_session() -> LocalSession | None:
    """Return the session of this request's browser, live or ended; None for a browser that had none."""
    rp = current_rp()
    local_id = rp.curfew.user.local_id if rp.curfew.user else session.get(_LAST)
    return rp.sessions.find(local_id) if local_id else None


def sign_out(reason: str) -> None:
    """End the session of this request at this app, for this reason."""
    rp = current_rp()
    if rp.curfew.user:
        end([rp.curfew.user.local_id], reason)
        rp.curfew.sign_out()


def end(local_ids: list[str], reason: str) -> None:
    """End sessions and record this in the journal; sessions that have already ended stay as they are."""
    rp = current_rp()
    for ended in rp.sessions.end(local_ids, reason):
        rp.journal.record("rp_session_ended", sub=ended.sub, sid=ended.sid, reason=ended.end_reason)


def remember_ended(user: User, why: Why) -> None:
    """Remember the ended session in the browser; set the reason, unless a Logout Token or a view has."""
    end([user.local_id], _REASONS[why])
    session[_LAST] = user.local_id
