"""The token with which a client changes what it registered by itself (rfc7592 §3); each change takes it."""

import hmac

from sqlalchemy import update

from provider.clients.models import Client
from provider.infrastructure.database import change, db
from provider.infrastructure.opaque_tokens import digest_of, new_handle

PREFIX = "cfg_"


def give(client: Client) -> str:
    """Give a client a token, its first or one instead of what it has lost."""
    token = new_handle(PREFIX)
    client.registration_token_digest = digest_of(token)
    db.session.flush()
    return token


def revoke(client: Client) -> bool:
    """Take a client's token, so that only the operator changes it; False if it has none."""
    mine = update(Client).where(Client.id == client.id, Client.registration_token_digest.is_not(None))
    return change(mine.values(registration_token_digest=None)) == 1


def is_of(client: Client, token: str) -> bool:
    """Return whether this is the client's token, in constant time."""
    return hmac.compare_digest(client.registration_token_digest or "-" * 64, digest_of(token))


def replace(client: Client, token: str) -> str | None:
    """Take a token and give another; None if it was taken before: of two at the same time one comes late."""
    fresh = new_handle(PREFIX)
    return fresh if _write(client, token, digest_of(fresh)) else None


def take(client: Client, token: str) -> bool:
    """Take a token permanently; False if it was taken before."""
    return _write(client, token, None)


def _write(client: Client, token: str, digest: str | None) -> bool:
    mine = update(Client).where(
        Client.id == client.id,
        Client.registration_token_digest == digest_of(token),
        Client.deleted_at.is_(None),
    )
    if change(mine.values(registration_token_digest=digest)) != 1:
        return False
    # Rows that others wrote before us are read now, behind the row's lock.
    db.session.refresh(client)
    return True
