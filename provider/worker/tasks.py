"""What a message from the broker may make a worker do: look for an ending's deliveries, and nothing else."""

from uuid import UUID

from provider.delivery.dispatch import Dispatcher
from provider.infrastructure import event_log
from provider.infrastructure.database import db
from provider.logout.models import Logout


def deliver(dispatcher: Dispatcher, logout_id: object) -> int:
    """Start what is due of an ending and return how many attempts that were.

    Whoever can write to the broker can ring, no more: what is sent, where and whether at all is read
    from the database (THR-50).
    """
    known = _read_id(logout_id)
    if known is None or db.session.get(Logout, known) is None:
        event_log.warning("doorbell_ignored", problem="no ending has this id")
        return 0
    return len(dispatcher.start_due(logout_id=known))


def _read_id(logout_id: object) -> UUID | None:
    try:
        return UUID(logout_id) if isinstance(logout_id, str) else None
    except ValueError:
        return None
