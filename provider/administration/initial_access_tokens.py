"""Acts on the tokens that let others register clients (rfc7591 §3)."""

from datetime import datetime
from uuid import UUID

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import initial_access
from provider.clients.models import InitialAccessToken


def create(
    *, name: str | None = None, most_uses: int | None = 1, expires_at: datetime | None = None
) -> tuple[InitialAccessToken, str]:
    """Make a token and return it with its row, this once. Raises InvalidInitialAccessToken."""
    made, token = initial_access.create(name=name, most_uses=most_uses, expires_at=expires_at)
    record(EventTag.INITIAL_TOKEN_CREATED, actor="admin", token_id=made.id, name=name)
    return made, token


def revoke(token_id: UUID) -> None:
    """Revoke a token; clients that were registered with it stay. Raises UnknownInitialAccessToken."""
    initial_access.revoke(token_id)
    record(EventTag.INITIAL_TOKEN_REVOKED, actor="admin", token_id=token_id)
