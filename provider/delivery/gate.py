"""How many deliveries may be under way at once, to whom, and how fast (DLV-13): this process's share.

The limits are those of all workers together, divided by how many live. Everything here is memory of
one thread; nothing is asked of the database, because this is on the way of every delivery.

An attempt without an answer after QUICK is stalled: it gives up its slot, because another thread works
in its place, and counts against limits of its own. So apps that hang delay the others by QUICK and not
by a deadline.
"""

from dataclasses import dataclass
from uuid import UUID

from provider.delivery.lanes import RAMP, Flow, Lane, Pool
from provider.infrastructure import current

# One that hangs must leave the others most of our threads; so must all apps of one registrant together.
SLOTS_OF_ONE = 0.2
# Those that have not proved themselves share this part of the slots, so that many may hang at once.
SLOTS_OF_UNPROVEN = 0.5
# Seconds. An answer that takes longer does not prove an endpoint, and does not keep a slot.
QUICK = 0.25
# Security endings; they may go beyond the places that others have taken (`logout.fanout` ranks them).
URGENT = 0
_REMEMBERED_ADDRESSES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits for all workers together."""

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


class Permit:
    """Allows one delivery to be under way to one endpoint; it is called once when that is over."""

    __slots__ = (
        "_flows",
        "_gate",
        "_is_over",
        "_lane",
        "_pools",
        "_taken_at",
        "flow",
        "is_stalled",
        "priority",
    )

    def __init__(
        self,
        gate: "Gate",
        lane: Lane,
        flows: list[Flow],
        pools: list[Pool],
        *,
        flow: object,
        priority: int,
        now: float,
    ) -> None:
        self._gate, self._lane, self._flows, self._pools, self._taken_at = gate, lane, flows, pools, now
        # Deliveries of the same flow take turns with those of others.
        self.flow = flow
        self.priority = priority
        self.is_stalled = self._is_over = False
        for one in flows:
            one.in_flight += 1
            one.starts.append(now)
        for pool in pools:
            pool.active += 1

    def __call__(self, succeeded: bool | None, sent_to: str | None = None) -> None:
        """Say how it went: None if nothing was sent; and to which address it went."""
        self._is_over = True
        for one in self._flows:
            one.in_flight -= 1
        for pool in self._pools:
            if self.is_stalled:
                pool.stalled -= 1
            else:
                pool.active -= 1
        if succeeded is None:
            for one in self._flows:
                one.forget(self._taken_at)
        else:
            self._lane.learn(succeeded=succeeded)
            self._lane.is_slow, self._lane.is_silent = self.is_stalled, False
        if sent_to is not None:
            self._gate.note_address(self._lane, sent_to)

    def stall(self) -> None:
        """Note that there is no answer yet although a quick app would have given one."""
        if self._is_over or self.is_stalled:
            return
        self.is_stalled = self._lane.is_slow = self._lane.is_silent = True
        for pool in self._pools:
            pool.active, pool.stalled = pool.active - 1, pool.stalled + 1


class Gate:
    """Says how many deliveries may be started to an endpoint now; used by one thread."""

    def __init__(self, limits: Limits, *, slots: int, places: int) -> None:
        self._limits = limits
        # How many are sent at once; and how many are taken at once, some of which wait in memory. Of those
        # that are stalled there may be as many again.
        self._slots = slots
        self._places = places
        self._workers = 1
        self._lanes: dict[UUID, Lane] = {}
        self._addresses: dict[str, Flow] = {}
        self._most_addresses = _REMEMBERED_ADDRESSES
        self._all, self._unproven = Pool(), Pool()
        self._registrants: dict[str, Pool] = {}

    @property
    def free(self) -> int:
        """How many more deliveries may be under way at all."""
        return self._places - self._all.active

    @property
    def free_for_urgent(self) -> int:
        """How many more urgent ones may be under way: as many threads as there are can be filled by them."""
        return self.free + self._slots

    @property
    def is_half_free(self) -> bool:
        """Whether at most half of the places are taken."""
        return 2 * self._all.active <= self._places

    @property
    def remembered_addresses(self) -> int:
        """Of how many addresses it is known what goes there."""
        return len(self._addresses)

    @property
    def in_flight(self) -> int:
        """How many are under way, the stalled ones included."""
        return self._all.active + self._all.stalled

    @property
    def active(self) -> int:
        """How many are under way or wait for a thread; an answer of those is expected soon."""
        return self._all.active

    @property
    def may_stall(self) -> int:
        """How many more may be stalled, each of which keeps a thread of its own waiting."""
        return self._places - self._all.stalled

    def share_among(self, workers: int) -> None:
        """Take a share of the limits, because so many workers live."""
        self._workers = max(1, workers)

    def room(
        self, client_id: UUID, now: float, *, registrant: str | None = None, priority: int = URGENT + 1
    ) -> int:
        """Return how many deliveries to this endpoint may be started now."""
        return self._room(self._lane(client_id), now, registrant, priority)

    def _lane(self, client_id: UUID) -> Lane:
        lane = self._lanes.get(client_id)
        if lane is None:
            lane = self._lanes[client_id] = Lane()
        return lane

    def _room(self, lane: Lane, now: float, registrant: str | None, priority: int) -> int:
        if lane.is_silent:
            return 0
        at_once = min(self._share(self._limits.endpoint_concurrency), self._part(SLOTS_OF_ONE), lane.at_once)
        room = self.free_for_urgent if priority == URGENT else self.free
        room = min(room, lane.room(int(at_once), self._limits.endpoint_rate / self._workers, now))
        if not lane.is_proven:
            room = min(room, self._room_in(self._unproven, SLOTS_OF_UNPROVEN))
        if registrant is not None:
            room = min(room, self._room_in(self._registrants.get(registrant) or Pool(), SLOTS_OF_ONE))
        if lane.address is not None:
            address_rate = self._limits.address_rate / self._workers
            address = self._addresses[lane.address]
            room = min(room, address.room(self._share(self._limits.address_concurrency), address_rate, now))
        return max(0, room)

    def _room_in(self, pool: Pool, part: float) -> int:
        """Return what is left of a part of the slots, as long as not too much of it is stalled."""
        if pool.stalled >= max(1, int(self._places * part)):
            return 0
        return self._part(part) - pool.active

    def _part(self, part: float) -> int:
        return max(1, int(self._slots * part))

    def next_room_at(self, client_id: UUID) -> float | None:
        """Return when time alone will make room for this endpoint, or None if only an ended one can."""
        lane = self._lanes[client_id]
        instants = [lane.next_room_at(self._limits.endpoint_rate / self._workers)]
        if lane.address is not None:
            address = self._addresses[lane.address]
            instants.append(address.next_room_at(self._limits.address_rate / self._workers))
        return max((instant for instant in instants if instant is not None), default=None)

    def take(
        self, client_id: UUID, now: float, *, registrant: str | None = None, priority: int = URGENT + 1
    ) -> Permit | None:
        """Take a permit for a delivery to an endpoint, or None if there is none now.

        `registrant` is who registered a client that registered itself: all of theirs have one share.
        """
        lane = self._lane(client_id)
        if self._room(lane, now, registrant, priority) < 1:
            return None
        flows: list[Flow] = [lane] if lane.address is None else [lane, self._addresses[lane.address]]
        pools = [self._all] if lane.is_proven else [self._all, self._unproven]
        if registrant is not None:
            pools.append(self._registrants.setdefault(registrant, Pool()))
        flow = client_id if registrant is None else registrant
        return Permit(self, lane, flows, pools, flow=flow, priority=priority, now=now)

    def note_address(self, lane: Lane, address: str) -> None:
        """Note where an endpoint was last called."""
        lane.address = address
        if address not in self._addresses:
            self._addresses[address] = Flow()
            self._forget_addresses()

    def _forget_addresses(self) -> None:
        """Forget addresses that are no longer called: some names have another address each time."""
        if len(self._addresses) > self._most_addresses:
            called = {lane.address for lane in self._lanes.values()}
            self._addresses = {
                address: flow
                for address, flow in self._addresses.items()
                if flow.in_flight or address in called
            }
            self._most_addresses = max(_REMEMBERED_ADDRESSES, 2 * len(self._addresses))

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
