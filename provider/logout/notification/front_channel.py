"""Front-Channel Logout 1.0: the pages of apps that this browser loads after a logout.

This is best effort, because browsers withhold cookies from frames: no app counts as notified by it (THR-21),
and the back channel is used as well.
"""

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import aliased

from provider.clients.models import Client
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import digest_of
from provider.logout.models import Logout, LogoutScope
from provider.protocol.parameters import with_query
from provider.sessions.models import ClientSession, Session


def list_frames(logout: Logout, *, handle: str | None) -> list[str]:
    """List the frames for the browser that presented this handle: one URL for each app it was signed in to.

    frontchannel §2: the apps are those 'logged in via this session'. Other browsers that the logout reached
    load nothing, and their sids are not disclosed to this one.
    """
    ended = (
        select(ClientSession.sid, Client)
        .join(Client, Client.id == ClientSession.client_id)
        .join(Session, Session.id == ClientSession.session_id)
        .where(ClientSession.logout_id == logout.id, _is_of_this_browser(logout, handle))
        .order_by(ClientSession.id)
    )
    frames = (_frame(client, sid) for sid, client in db.session.execute(ended) if client.is_active)
    return list(filter(None, frames))


def _is_of_this_browser(logout: Logout, handle: str | None) -> ColumnElement[bool]:
    digest = digest_of(handle or "")
    shown = Session.handle_digest == digest
    is_by_hint = logout.scope == LogoutScope.APP and logout.asked_in_session_id is None
    if logout.scope != LogoutScope.BROWSER and not is_by_hint:
        return shown
    # A hint may have named the session of a browser that lost its cookie. While this browser's own session
    # lives, the session that ended was another browser's, and an app that ignores the sid would end the wrong
    # one.
    own = aliased(Session)
    return shown | ~exists().where(own.handle_digest == digest, own.ended_at.is_(None))


def _frame(client: Client, sid: str) -> str | None:
    uri = client.metadata_.frontchannel_logout_uri
    # frontchannel §2: iss and sid, both or none. All apps get them, so that each can tell our call from a
    # forged one (§4); apps that did not register for them ignore them.
    return with_query(uri, {"iss": current.settings().issuer, "sid": sid}) if uri else None
