"""When each of two secrets was last used, which tells the operator when the old one can go (KEY-19).

Recorded only while there are two, and only as often as necessary: a request from a client with one secret
writes nothing here. Authenticating a client only reads, so the use is written afterwards.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from provider.clients.models import Client
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import change, transaction
from provider.infrastructure.database_errors import AWAY

# How far the recorded time may lag behind.
ROUGHLY = timedelta(minutes=5)
_NOTES = "curfew_secret_uses"


def note(client: Client, *, previous: bool) -> None:
    """Remember that a secret authenticated its client, until `write_down`."""
    name = "previous_secret_last_used_at" if previous else "secret_last_used_at"
    known = getattr(client, name)
    if known is None or clock.now() - known >= ROUGHLY:
        noted: dict[UUID, dict[str, Any]] = current.kept(_NOTES, dict)
        noted[client.id] = {name: clock.now()}


def write_down() -> None:
    """Write the remembered uses in a separate transaction, so that no use case depends on them."""
    noted: dict[UUID, dict[str, Any]] | None = current.take_kept(_NOTES)
    if not noted:
        return
    try:
        with transaction():
            for client_id, values in noted.items():
                change(update(Client).where(Client.id == client_id).values(values))
    except AWAY as exc:
        # The request itself is done and must still get its response.
        event_log.warning("secret_use_not_noted", kind=type(exc).__name__)
