"""The fair order of deliveries (DLV-13): urgent ones first, and within a priority each recipient in turn."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self
from uuid import UUID

from provider.delivery.limiter import URGENT
from provider.delivery.permit import Permit
from provider.delivery.recipient import Recipient


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery whose time has come."""

    id: UUID
    recipient: Recipient
    priority: int
    # Who registered the recipient, if the operator did not: the recipients of one registrant share a limit.
    registrant: str | None = None


# Gives a permit for a delivery, or None if its recipient has to wait.
Admit = Callable[[DueDelivery], Permit | None]


@dataclass(frozen=True, slots=True)
class Capacity:
    """The number of deliveries that may be selected, and the higher number if urgent ones are waiting."""

    usual: int
    urgent: int

    def at_most(self, limit: int | None) -> Self:
        """Return the same, bounded by a limit if there is one."""
        return self if limit is None else type(self)(min(self.usual, limit), min(self.urgent, limit))

    def of(self, priority: int) -> int:
        """Return how many may be selected in total, up to and including this priority."""
        return self.urgent if priority == URGENT else self.usual


@dataclass(slots=True)
class Selection:
    """The permits of the deliveries to start now, and the recipients whose other deliveries have to wait."""

    permits: dict[UUID, Permit] = field(default_factory=dict)
    held: set[Recipient] = field(default_factory=set)
    # Whether deliveries that might have got a permit were left because the capacity is used up.
    is_full: bool = False


def select_fairly(due: Iterable[DueDelivery], admit: Admit, capacity: Capacity, selection: Selection) -> None:
    """Select deliveries to start; `due` is in order of urgency and then of waiting time.

    `capacity` includes what was selected before.
    """
    for priority, as_urgent in groupby(due, key=lambda one: one.priority):
        queues: dict[Recipient, deque[DueDelivery]] = {}
        for one in as_urgent:
            queues.setdefault(one.recipient, deque()).append(one)
        recipients = deque(one for one in queues if one not in selection.held)
        while recipients and len(selection.permits) < capacity.of(priority):
            recipient = recipients.popleft()
            permit = admit(queues[recipient][0])
            if permit is None:
                selection.held.add(recipient)
                continue
            selection.permits[queues[recipient].popleft().id] = permit
            if queues[recipient]:
                recipients.append(recipient)
        selection.is_full = selection.is_full or bool(recipients)
