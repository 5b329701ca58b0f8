"""Client documents that a request waits for: slots for fetching them, and the error when no slot is free."""

from collections.abc import Iterator
from contextlib import contextmanager

from provider.clients import fetch_slots
from provider.clients.fetch_slots import NoSlotFree
from provider.protocol.errors import TemporarilyUnavailable


@contextmanager
def slot_for(url: str, registrant: str | None) -> Iterator[None]:
    """Hold a slot while a client's document is fetched. Raises TemporarilyUnavailable."""
    try:
        with fetch_slots.documents().hold(url, registrant):
            yield
    except NoSlotFree as exc:
        raise no_slot() from exc


def no_slot() -> TemporarilyUnavailable:
    """Return the error for a request that cannot wait for a document now."""
    return TemporarilyUnavailable("too many requests are waiting for this client's documents; retry later")
