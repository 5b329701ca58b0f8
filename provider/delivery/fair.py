"""Whose turn it is (DLV-13): the urgent first, and among those as urgent one for each app in turn."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from uuid import UUID

from provider.delivery.gate import End


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery whose time has come."""

    id: UUID
    client_id: UUID
    priority: int


@dataclass(slots=True)
class Choice:
    """What is started now, each with its place; and which clients have more than may be started now."""

    places: dict[UUID, End] = field(default_factory=dict)
    held: set[UUID] = field(default_factory=set)


def choose(waiting: Iterable[Waiting], take: Callable[[UUID], End | None], most: int, choice: Choice) -> None:
    """Choose what to start of what waits, which comes in order of urgency and then of waiting.

    `take` gives a place on the way to a client, or none if that client must wait. There will be `most`
    chosen at the most, those that were chosen before included.
    """
    for _, as_urgent in groupby(waiting, key=lambda one: one.priority):
        queues: dict[UUID, deque[UUID]] = {}
        for one in as_urgent:
            queues.setdefault(one.client_id, deque()).append(one.id)
        turns = deque(client_id for client_id in queues if client_id not in choice.held)
        while turns and len(choice.places) < most:
            client_id = turns.popleft()
            place = take(client_id)
            if place is None:
                choice.held.add(client_id)
                continue
            choice.places[queues[client_id].popleft()] = place
            if queues[client_id]:
                turns.append(client_id)
