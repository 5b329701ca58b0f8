"""The fair order of deliveries (DLV-13): urgent ones first, and within a priority each app in turn."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self
from uuid import UUID

from provider.delivery.limiter import URGENT
from provider.delivery.permit import Permit


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery whose time has come."""

    id: UUID
    client_id: UUID
    priority: int
    # The registrant of a self-registered client.
    registrant: str | None = None


# Gives a permit for a delivery, or None if its client has to wait.
Admit = Callable[[DueDelivery], Permit | None]


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many may be selected in all: of any priority, and as long as they are urgent."""

    usual: int
    urgent: int

    def at_most(self, limit: int | None) -> Self:
        """Return the same, bounded by a limit if there is one."""
        return self if limit is None else type(self)(min(self.usual, limit), min(self.urgent, limit))

    def of(self, priority: int) -> int:
        """Return how many may be selected until the last one of this priority."""
        return self.urgent if priority == URGENT else self.usual


@dataclass(slots=True)
class Selection:
    """The permits of the deliveries to start now, and the clients whose other deliveries have to wait."""

    permits: dict[UUID, Permit] = field(default_factory=dict)
    held: set[UUID] = field(default_factory=set)
    # Whether some that might have had a permit were left because no more may be selected.
    is_full: bool = False


def select_fairly(due: Iterable[DueDelivery], admit: Admit, capacity: Capacity, selection: Selection) -> None:
    """Select what to start of what is due, which comes in order of urgency and then of waiting.

    `capacity` includes what was selected before.
    """
    for priority, as_urgent in groupby(due, key=lambda one: one.priority):
        queues: dict[UUID, deque[DueDelivery]] = {}
        for one in as_urgent:
            queues.setdefault(one.client_id, deque()).append(one)
        clients = deque(client_id for client_id in queues if client_id not in selection.held)
        while clients and len(selection.permits) < capacity.of(priority):
            client_id = clients.popleft()
            permit = admit(queues[client_id][0])
            if permit is None:
                selection.held.add(client_id)
                continue
            selection.permits[queues[client_id].popleft().id] = permit
            if queues[client_id]:
                clients.append(client_id)
        selection.is_full = selection.is_full or bool(clients)
