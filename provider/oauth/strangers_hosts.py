"""How many threads may wait for the hosts of clients that nobody of the operator's has looked at.

Whoever registers a client himself names addresses that we call before anybody has proven anything. A
host that takes its time must not hold all the threads by which people sign in at other apps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from provider.clients.models import Client
from provider.infrastructure import current
from provider.protocol.errors import TemporarilyUnavailable

MOST_AT_ONCE = 4


@contextmanager
def seat_for(client: Client) -> Iterator[None]:
    """Hold a seat while a client's host is waited for; the operator's clients need none.

    Raises TemporarilyUnavailable when all seats are taken.
    """
    if not client.self_registered:
        yield
        return
    with seat():
        yield


@contextmanager
def seat() -> Iterator[None]:
    """Hold one of this process's seats. Raises TemporarilyUnavailable when all are taken."""
    seats = current.memo("strangers-hosts-seats", lambda: BoundedSemaphore(MOST_AT_ONCE))
    if not seats.acquire(blocking=False):
        raise TemporarilyUnavailable(
            "too many documents of self-registered apps are waited for; try again soon"
        )
    try:
        yield
    finally:
        seats.release()
