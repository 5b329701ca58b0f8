"""The token with which a client changes its own registration (rfc7592 §3); each change uses it up."""

import hmac

from sqlalchemy import update

from provider.clients.models import Client
from provider.infrastructure.database import change, db
from provider.infrastructure.opaque_tokens import digest_of, new_handle

PREFIX = "cfg_"


def give(client: Client) -> str:
    """Give a client its first token, or a new one in place of a lost one."""
    token = new_handle(PREFIX)
    client.registration_token_digest = digest_of(token)
    db.session.flush()
    return token


def revoke(client: Client) -> bool:
    """Revoke a client's token, so that only the operator can change it; False if it has none."""
    mine = update(Client).where(Client.id == client.id, Client.registration_token_digest.is_not(None))
    return change(mine.values(registration_token_digest=None)) == 1


def is_of(client: Client, token: str) -> bool:
    """Return whether this is the client's token, in constant time."""
    return hmac.compare_digest(client.registration_token_digest or "-" * 64, digest_of(token))


def replace(client: Client, token: str) -> str | None:
    """Use up a token and return a new one; None if it is already used up, also by a concurrent request."""
    fresh = new_handle(PREFIX)
    return fresh if _write(client, token, digest_of(fresh)) else None


def take(client: Client, token: str) -> bool:
    """Use up a token without replacement; False if it is already used up."""
    return _write(client, token, None)


def _write(client: Client, token: str, digest: str | None) -> bool:
    mine = update(Client).where(
        Client.id == client.id,
        Client.registration_token_digest == digest_of(token),
        Client.deleted_at.is_(None),
    )
    if change(mine.values(registration_token_digest=digest)) != 1:
        return False
    # Read the row again now that it is locked, to see changes that were committed before.
    db.session.refresh(client)
    return True
