"""Front-Channel Logout 1.0: the pages of apps that this browser loads after an ending.

Best effort, because browsers keep cookies from frames: nothing here counts as told (THR-21), the
back channel owes the news all the same.
"""

from sqlalchemy import select

from provider.clients.models import Client
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import digest_of
from provider.logout.models import Logout, LogoutScope
from provider.protocol.parameters import with_query
from provider.sessions.models import ClientSession, Session


def list_frames(logout: Logout, *, handle: str | None) -> list[str]:
    """List what the browser that showed this handle loads: one address for each app it was signed in at.

    frontchannel §2: the apps are those 'logged in via this session'. Other browsers that an ending
    reached load nothing, and their sids are none of this one's business.
    """
    ended = (
        select(ClientSession.sid, Client)
        .join(Client, Client.id == ClientSession.client_id)
        .where(ClientSession.logout_id == logout.id)
        .order_by(ClientSession.id)
    )
    # Signing out of one browser ends one session, also when a hint named it and no cookie came.
    if logout.scope != LogoutScope.BROWSER:
        this_browser = Session.handle_digest == digest_of(handle or "")
        ended = ended.join(Session, Session.id == ClientSession.session_id).where(this_browser)
    frames = (_frame(client, sid) for sid, client in db.session.execute(ended) if client.is_active)
    return list(filter(None, frames))


def _frame(client: Client, sid: str) -> str | None:
    uri = client.metadata_.frontchannel_logout_uri
    # frontchannel §2: iss and sid, both or none. All apps get them, so that each can tell our call
    # from a forged one (§4); those that did not ask ignore them.
    return with_query(uri, {"iss": current.settings().issuer, "sid": sid}) if uri else None
