"""How a client gets its share of a session."""

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_handle, new_id
from provider.sessions.models import ClientSession, Session


def new_sid() -> str:
    """Return a fresh `sid`: random, for one client and session, never used again (THR-21, KEY-26)."""
    return new_handle()


def join(session: Session, client: Client, grant: Grant) -> ClientSession:
    """Give a client its share of a session, under the sid that the grant was made with.

    The caller holds the session's lock (`lifecycle.touch`).
    """
    now = clock.now()
    client_session = ClientSession(
        id=new_id(),
        sid=grant.sid,
        session_id=session.id,
        client_id=client.id,
        grant_id=grant.id,
        created_at=now,
        last_used_at=now,
    )
    db.session.add(client_session)
    return client_session
