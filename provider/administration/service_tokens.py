"""Acts on service tokens, which clients get for themselves (rfc6749 §4.4); no sign-out ends them."""

from uuid import UUID

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import queries
from provider.clients.models import Client
from provider.tokens import service


def revoke(token_id: UUID) -> Client:
    """Revoke one service token and return its client. Raises UnknownToken."""
    client = service.revoke(token_id)
    _record(client, token_id, 1)
    return client


def revoke_all(client_id: str) -> int:
    """Revoke every service token of a client and return how many there were. Raises UnknownClient."""
    # With the row locked, because a token is issued by what the client's row says at that moment.
    client = queries.lock(client_id)
    revoked = service.revoke_all(client)
    _record(client, None, revoked)
    return revoked


def _record(client: Client, token_id: UUID | None, revoked: int) -> None:
    record(
        EventTag.TOKEN_REVOKED,
        actor="admin",
        client_id=client.client_id,
        kind="service_token",
        token_id=token_id,
        revoked=revoked,
    )
