"""The task that a broker message triggers: look for due deliveries, and nothing else."""

from uuid import UUID

from provider.delivery.dispatch import Dispatcher
from provider.infrastructure import event_log


def deliver(dispatcher: Dispatcher, logout_id: object) -> None:
    """Look for due deliveries, because a wake-up came through the broker.

    Access to the broker allows wake-ups and nothing else: whether, what and where to send is read from the
    database (THR-50).
    """
    if _is_id(logout_id):
        dispatcher.wake()
    else:
        event_log.warning("wake_up_ignored", problem="this is not the id of a logout")


def _is_id(logout_id: object) -> bool:
    try:
        return isinstance(logout_id, str) and bool(UUID(logout_id))
    except ValueError:
        return False
