"""The session of this browser."""

from datetime import timedelta

from provider.infrastructure import clock, current
from provider.infrastructure.database import transaction
from provider.sessions.lifecycle import touch
from provider.sessions.queries import FoundSession, find_live
from provider.web import cookies

# A page that is seen again within this fraction of the idle lifetime causes no write.
_GRAIN = 20
_LONGEST_GRAIN = timedelta(minutes=1)


def current_session() -> FoundSession | None:
    """Return the live session of this browser's cookie with its account, or None."""
    handle = cookies.session_handle()
    return find_live(handle) if handle else None


def note_use(found: FoundSession) -> None:
    """Record the use of one of our own pages, so that the session does not become idle."""
    grain = min(_LONGEST_GRAIN, current.settings().session_idle_lifetime / _GRAIN)
    if clock.now() - found.session.last_seen_at < grain:
        return
    with transaction():
        touch(found.session)
