"""How many deliveries may be under way at once, to whom, and how fast (DLV-13): this process's share.

The limits are those of all workers together, divided by how many live. Everything here is memory of
one thread; nothing is asked of the database, because this is on the way of every delivery.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from provider.infrastructure import current

# One that hangs must leave the others most of our threads.
SLOTS_OF_ONE = 0.2
# Those that have not proved themselves share this part of the threads, so that many may hang at once.
SLOTS_OF_UNPROVEN = 0.5
# So many at once, and after as many successes the next (DLV-14); then the endpoint's whole share.
RAMP = (1, 5, 25)
_SECOND = 1.0
_REMEMBERED_ADDRESSES = 1000


class End(Protocol):
    """Gives a place back."""

    def __call__(self, succeeded: bool | None, sent_to: str | None = None) -> None:
        """Say how it went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What all workers together may do."""

    endpoint_concurrency: int
    endpoint_rate: int
    address_concurrency: int
    address_rate: int

    @classmethod
    def in_force(cls) -> "Limits":
        """Return those that the operator has set."""
        settings = current.settings()
        return cls(
            endpoint_concurrency=settings.endpoint_concurrency,
            endpoint_rate=settings.endpoint_rate,
            address_concurrency=settings.address_concurrency,
            address_rate=settings.address_rate,
        )


@dataclass(slots=True)
class _Flow:
    """What goes one way: how much is under way, and when the latest were started."""

    in_flight: int = 0
    starts: "deque[float]" = field(default_factory=deque)

    def room(self, concurrency: int, rate: float, now: float) -> int:
        # Less than one a second is one in several seconds.
        window, most = (_SECOND, int(rate)) if rate >= 1 else (_SECOND / rate, 1)
        while self.starts and self.starts[0] <= now - window:
            self.starts.popleft()
        return min(concurrency - self.in_flight, most - len(self.starts))

    def next_room_at(self, rate: float) -> float | None:
        """Return when a start is forgotten, if the rate alone is what leaves no room."""
        window = _SECOND if rate >= 1 else _SECOND / rate
        return self.starts[0] + window if len(self.starts) >= max(1, int(rate)) else None

    def forget(self, start: float) -> None:
        """Take back a start that was none."""
        if start in self.starts:
            self.starts.remove(start)


@dataclass(slots=True)
class _Lane(_Flow):
    """The way to one endpoint."""

    stage: int = 0
    successes: int = 0
    address: str | None = None

    @property
    def is_proven(self) -> bool:
        return self.stage > 0

    @property
    def at_once(self) -> float:
        return RAMP[self.stage] if self.stage < len(RAMP) else math.inf

    def learn(self, *, succeeded: bool) -> None:
        if not succeeded:
            self.stage = self.successes = 0
        elif self.stage < len(RAMP):
            self.successes += 1
            if self.successes >= RAMP[self.stage]:
                self.stage, self.successes = self.stage + 1, 0


class Gate:
    """Says how many deliveries may be started to an endpoint now; used by one thread."""

    def __init__(self, limits: Limits, *, slots: int, places: int) -> None:
        self._limits = limits
        # How many are sent at once, and how many are taken at once: some wait for their turn in memory.
        self._slots = slots
        self._places = places
        self._workers = 1
        self._lanes: dict[UUID, _Lane] = {}
        self._addresses: dict[str, _Flow] = {}
        self._most_addresses = _REMEMBERED_ADDRESSES
        self._in_flight = 0
        self._unproven_in_flight = 0

    @property
    def free(self) -> int:
        """How many more deliveries may be under way at all."""
        return self._places - self._in_flight

    @property
    def is_half_free(self) -> bool:
        """Whether at most half of the places are taken."""
        return 2 * self._in_flight <= self._places

    @property
    def remembered_addresses(self) -> int:
        """Of how many addresses it is known what goes there."""
        return len(self._addresses)

    @property
    def in_flight(self) -> int:
        """How many are under way."""
        return self._in_flight

    def share_among(self, workers: int) -> None:
        """Take a share of the limits, because so many workers live."""
        self._workers = max(1, workers)

    def room(self, client_id: UUID, now: float) -> int:
        """Return how many deliveries to this endpoint may be started now."""
        return self._room(self._lane(client_id), now)

    def _lane(self, client_id: UUID) -> _Lane:
        lane = self._lanes.get(client_id)
        if lane is None:
            lane = self._lanes[client_id] = _Lane()
        return lane

    def _room(self, lane: _Lane, now: float) -> int:
        of_one = max(1, int(self._slots * SLOTS_OF_ONE))
        at_once = min(self._share(self._limits.endpoint_concurrency), of_one, lane.at_once)
        room = min(self.free, lane.room(int(at_once), self._limits.endpoint_rate / self._workers, now))
        if not lane.is_proven:
            room = min(room, max(1, int(self._slots * SLOTS_OF_UNPROVEN)) - self._unproven_in_flight)
        if lane.address is not None:
            address_rate = self._limits.address_rate / self._workers
            address = self._addresses[lane.address]
            room = min(room, address.room(self._share(self._limits.address_concurrency), address_rate, now))
        return max(0, room)

    def next_room_at(self, client_id: UUID) -> float | None:
        """Return when time alone will make room for this endpoint, or None if only an ended one can."""
        lane = self._lanes[client_id]
        instants = [lane.next_room_at(self._limits.endpoint_rate / self._workers)]
        if lane.address is not None:
            address = self._addresses[lane.address]
            instants.append(address.next_room_at(self._limits.address_rate / self._workers))
        return max((instant for instant in instants if instant is not None), default=None)

    def take(self, client_id: UUID, now: float) -> End | None:
        """Take a place on the way to an endpoint, or None if there is none now.

        Call what is returned when it is over: with whether it succeeded, None if nothing was sent, and
        with the address that it went to.
        """
        lane = self._lane(client_id)
        if self._room(lane, now) < 1:
            return None
        flows: list[_Flow] = [lane] if lane.address is None else [lane, self._addresses[lane.address]]
        was_proven = lane.is_proven
        self._count(flows, 1, was_proven=was_proven)
        for flow in flows:
            flow.starts.append(now)

        def end(succeeded: bool | None, sent_to: str | None = None) -> None:
            self._count(flows, -1, was_proven=was_proven)
            if succeeded is None:
                for flow in flows:
                    flow.forget(now)
            else:
                lane.learn(succeeded=succeeded)
            if sent_to is not None:
                lane.address = sent_to
                if sent_to not in self._addresses:
                    self._addresses[sent_to] = _Flow()
                    self._forget_addresses()

        return end

    def _forget_addresses(self) -> None:
        """Forget where nobody is called any more: some names have another address each time."""
        if len(self._addresses) > self._most_addresses:
            called = {lane.address for lane in self._lanes.values()}
            self._addresses = {
                address: flow
                for address, flow in self._addresses.items()
                if flow.in_flight or address in called
            }
            self._most_addresses = max(_REMEMBERED_ADDRESSES, 2 * len(self._addresses))

    def _count(self, flows: list[_Flow], change: int, *, was_proven: bool) -> None:
        for flow in flows:
            flow.in_flight += change
        self._in_flight += change
        self._unproven_in_flight += 0 if was_proven else change

    def is_at_full(self, client_id: UUID) -> bool:
        """Whether an endpoint has come up the whole ramp."""
        return self._lanes[client_id].stage >= len(RAMP) if client_id in self._lanes else False

    def restart(self, client_id: UUID) -> None:
        """Send an endpoint to the foot of the ramp."""
        self._lane(client_id).learn(succeeded=False)

    def is_quiet(self, client_id: UUID) -> bool:
        """Whether nothing is under way to an endpoint."""
        return client_id not in self._lanes or not self._lanes[client_id].in_flight

    def _share(self, limit: int) -> int:
        return max(1, limit // self._workers)
