"""Who is signed in at this browser."""

from provider.sessions.queries import FoundSession, find_live
from provider.web import cookies


def current_session() -> FoundSession | None:
    """Return the living session that this browser's cookie shows, with its person."""
    handle = cookies.session_handle()
    return find_live(handle) if handle else None
