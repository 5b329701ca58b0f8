"""When each of two secrets was last used, so that the operator knows when the old one may go (KEY-19).

Noted only while there are two, and no more often than necessary: a request of a client with one
secret writes nothing here. What proves a client only reads, so it is written down afterwards.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from provider.clients.models import Client
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import change, transaction
from provider.infrastructure.database_errors import AWAY

# The time that is shown may lie so far behind.
ROUGHLY = timedelta(minutes=5)
_NOTES = "curfew_secret_uses"


def note(client: Client, *, previous: bool) -> None:
    """Note that a secret proved its client, to be written down when the request has been answered."""
    name = "previous_secret_last_used_at" if previous else "secret_last_used_at"
    known = getattr(client, name)
    if known is None or clock.now() - known >= ROUGHLY:
        noted: dict[UUID, dict[str, Any]] = current.kept(_NOTES, dict)
        noted[client.id] = {name: clock.now()}


def write_down() -> None:
    """Write down what was noted, in a transaction of its own: no use case waits for it."""
    noted: dict[UUID, dict[str, Any]] | None = current.take_kept(_NOTES)
    if not noted:
        return
    try:
        with transaction():
            for client_id, values in noted.items():
                change(update(Client).where(Client.id == client_id).values(values))
    except AWAY as exc:
        # The request itself is done and must be answered.
        event_log.warning("secret_use_not_noted", kind=type(exc).__name__)
