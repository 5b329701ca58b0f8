"""Fair order of deliveries (DLV-13): urgent ones first, and within a priority one for each app in turn."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self
from uuid import UUID

from provider.delivery.gate import URGENT, Permit


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery whose time has come."""

    id: UUID
    client_id: UUID
    priority: int
    # Who registered the client, if it registered itself.
    registrant: str | None = None


@dataclass(frozen=True, slots=True)
class Most:
    """How many may be chosen in all: usually, and as long as they are urgent."""

    usual: int
    urgent: int

    def at_most(self, limit: int | None) -> Self:
        """Return the same, bounded by a limit if there is one."""
        return self if limit is None else type(self)(min(self.usual, limit), min(self.urgent, limit))

    def of(self, priority: int) -> int:
        """Return how many may be chosen until the last one of this priority."""
        return self.urgent if priority == URGENT else self.usual


@dataclass(slots=True)
class Choice:
    """The deliveries to start now with their permits, and the clients that have further ones."""

    places: dict[UUID, Permit] = field(default_factory=dict)
    held: set[UUID] = field(default_factory=set)
    # Whether some that have room had to wait because no more may be chosen.
    is_full: bool = False


def choose(
    waiting: Iterable[Waiting], take: Callable[[Waiting], Permit | None], most: Most, choice: Choice
) -> None:
    """Choose what to start of what waits, which comes in order of urgency and then of waiting.

    `take` gives a permit for a delivery, or none if its client must wait. `most` counts those that were
    chosen before, too.
    """
    for priority, as_urgent in groupby(waiting, key=lambda one: one.priority):
        queues: dict[UUID, deque[Waiting]] = {}
        for one in as_urgent:
            queues.setdefault(one.client_id, deque()).append(one)
        turns = deque(client_id for client_id in queues if client_id not in choice.held)
        while turns and len(choice.places) < most.of(priority):
            client_id = turns.popleft()
            place = take(queues[client_id][0])
            if place is None:
                choice.held.add(client_id)
                continue
            choice.places[queues[client_id].popleft().id] = place
            if queues[client_id]:
                turns.append(client_id)
        choice.is_full = choice.is_full or bool(turns)
