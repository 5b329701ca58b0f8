"""Limit how many deliveries are under way at once, to which endpoint, and how fast (DLV-13).

The limits apply to all workers together and are divided by the number of living workers. The counters are
kept in memory and used by one thread; the database is not queried, because every delivery passes here. For
clients of the operator an address is an origin, which bears a share of its limits that is learnt from its
responses.

An attempt without a response after QUICK is stalled: it gives up its slot to another thread, and counts
against limits for stalled attempts. So an app that hangs delays the others by QUICK and not by a deadline.
"""

import math
from dataclasses import dataclass

from provider.delivery.learned_share import Observation
from provider.delivery.permit import Permit
from provider.delivery.recipient import Recipient
from provider.delivery.throttle import EndpointThrottle, OriginThrottle, Pool, Throttle
from provider.infrastructure import current

# An app that hangs must leave the others most of the slots; so must all apps of one registrant together.
SLOTS_OF_ONE = 0.2
# Endpoints that have not proved themselves get only this part of the slots: many of them may hang at once.
SLOTS_OF_UNPROVEN = 0.5
# Seconds. A slower response does not prove an endpoint, and does not keep a slot.
QUICK = 0.25
# Logouts for security; they may exceed the permits that others have taken (`logout.fanout` sets the
# priority).
URGENT = 0
_REMEMBERED_ADDRESSES = 1000
# Every origin contains this, and no network address does.
_ORIGIN = "://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits for all workers together."""

    endpoint_concurrency: int
    endpoint_rate: int
    address_concurrency: int
    address_rate: int
    origin_concurrency: int = 50
    origin_rate: int = 1000

    @classmethod
    def in_force(cls) -> "Limits":
        """Return the limits that the operator has set."""
        settings = current.settings()
        return cls(
            endpoint_concurrency=settings.endpoint_concurrency,
            endpoint_rate=settings.endpoint_rate,
            address_concurrency=settings.address_concurrency,
            address_rate=settings.address_rate,
            origin_concurrency=settings.origin_concurrency,
            origin_rate=settings.origin_rate,
        )

    def of_place(self, place: Throttle) -> tuple[float, float]:
        """Return how many may be under way to a place, and how many may start in a second."""
        if isinstance(place, OriginThrottle):
            share = place.learned.share
            return self.origin_concurrency * share, self.origin_rate * share
        return self.address_concurrency, self.address_rate


class Limiter:
    """Gives permits for deliveries; used by one thread.

    `slots` is how many are sent at once, `permits` how many are leased at once, some of which wait in
    memory. As many again may be stalled.
    """

    def __init__(self, limits: Limits, *, slots: int, permits: int) -> None:
        self._limits = limits
        self._slots = slots
        self._permits = permits
        self._workers = 1
        self._endpoints: dict[Recipient, EndpointThrottle] = {}
        self._addresses: dict[str, Throttle] = {}
        self._most_addresses = _REMEMBERED_ADDRESSES
        self._all, self._unproven = Pool(), Pool()
        self._registrants: dict[str, Pool] = {}

    @property
    def free(self) -> int:
        """The number of further deliveries that may be started."""
        return self._permits - self._all.active

    @property
    def free_for_urgent(self) -> int:
        """The same for urgent deliveries, which may exceed the permits by the number of slots."""
        return self.free + self._slots

    @property
    def is_half_free(self) -> bool:
        """Whether at most half of the permits are taken."""
        return 2 * self._all.active <= self._permits

    @property
    def remembered_addresses(self) -> int:
        """The number of addresses with counters."""
        return len(self._addresses)

    @property
    def in_flight(self) -> int:
        """The number of attempts under way, the stalled ones included."""
        return self._all.active + self._all.stalled

    @property
    def active(self) -> int:
        """The number of attempts under way or waiting for a thread, without the stalled ones."""
        return self._all.active

    @property
    def may_stall(self) -> int:
        """The number of further attempts that may stall; each keeps a thread of its own waiting."""
        return self._permits - self._all.stalled

    def divide_among(self, workers: int) -> None:
        """Set how many workers are alive; this one uses its part of the limits."""
        self._workers = max(1, workers)

    def room(
        self, recipient: Recipient, now: float, *, registrant: str | None = None, priority: int = URGENT + 1
    ) -> int:
        """Return how many deliveries to this endpoint may be started now."""
        return self._room(self._endpoint(recipient), now, registrant, priority)

    def next_room_at(self, recipient: Recipient) -> float | None:
        """Return when time alone makes room for this endpoint, or None if only a release can."""
        endpoint = self._endpoints[recipient]
        instants = [endpoint.next_room_at(self._limits.endpoint_rate / self._workers)]
        if endpoint.paused_until:
            instants.append(endpoint.paused_until)
        if endpoint.address is not None:
            place = self._addresses[endpoint.address]
            _, rate = self._limits.of_place(place)
            instants.append(place.next_room_at(rate / self._workers))
        return max((instant for instant in instants if instant is not None), default=None)

    def take(
        self, recipient: Recipient, now: float, *, registrant: str | None = None, priority: int = URGENT + 1
    ) -> Permit | None:
        """Take a permit for a delivery to an endpoint, or None if there is none now.

        `registrant` names who registered the recipient if the operator did not; all recipients of one
        registrant share a limit.
        """
        endpoint = self._endpoint(recipient)
        if self._room(endpoint, now, registrant, priority) < 1:
            return None
        address = None if endpoint.address is None else self._addresses[endpoint.address]
        pools = [self._all] if endpoint.is_proven else [self._all, self._unproven]
        if registrant is not None:
            pools.append(self._registrants.setdefault(registrant, Pool()))
        return Permit(
            endpoint,
            address,
            pools,
            self._note_address,
            flow=recipient if registrant is None else registrant,
            priority=priority,
            now=now,
            most_at_place=self._most_at(address),
        )

    def is_at_full(self, recipient: Recipient) -> bool:
        """Return whether an endpoint has reached the top of the ramp."""
        return recipient in self._endpoints and self._endpoints[recipient].is_at_full

    def restart(self, recipient: Recipient) -> None:
        """Send an endpoint to the foot of the ramp."""
        self._endpoint(recipient).learn(succeeded=False)

    def is_quiet(self, recipient: Recipient) -> bool:
        """Return whether nothing is under way to an endpoint."""
        return recipient not in self._endpoints or not self._endpoints[recipient].in_flight

    def _endpoint(self, recipient: Recipient) -> EndpointThrottle:
        endpoint = self._endpoints.get(recipient)
        if endpoint is None:
            endpoint = self._endpoints[recipient] = EndpointThrottle()
        return endpoint

    def _room(self, endpoint: EndpointThrottle, now: float, registrant: str | None, priority: int) -> int:
        if endpoint.is_silent or endpoint.is_paused(now):
            return 0
        limits = self._limits
        at_once = min(self._own(limits.endpoint_concurrency), self._part(SLOTS_OF_ONE), endpoint.concurrency)
        room = self.free_for_urgent if priority == URGENT else self.free
        room = min(room, endpoint.room(int(at_once), limits.endpoint_rate / self._workers, now))
        if not endpoint.is_proven:
            room = min(room, self._room_in(self._unproven, SLOTS_OF_UNPROVEN))
        if registrant is not None:
            room = min(room, self._room_in(self._registrants.get(registrant) or Pool(), SLOTS_OF_ONE))
        if endpoint.address is not None:
            place = self._addresses[endpoint.address]
            concurrency, rate = limits.of_place(place)
            to_lease = self._to_lease(place, self._own(concurrency))
            room = min(room, place.room(to_lease, rate / self._workers, now))
        return max(0, room)

    def _most_at(self, place: Throttle | None) -> float:
        return math.inf if place is None else self._own(self._limits.of_place(place)[0])

    def _to_lease(self, place: Throttle, at_once: int) -> int:
        """Return how many may be leased for a place to which `at_once` may be sent at once.

        More than `at_once` if there are too few slots to exceed that limit: a lease costs as much for one as
        for many, and deliveries that wait in memory put no load on the place. Half of the permits are left to
        other places.
        """
        if self._slots + place.stalled > at_once:
            return at_once
        return max(at_once, self._permits // 2)

    def _room_in(self, pool: Pool, part: float) -> int:
        """Return how much of a pool's part of the slots is left; 0 if too many attempts are stalled."""
        if pool.stalled >= max(1, int(self._permits * part)):
            return 0
        return self._part(part) - pool.active

    def _part(self, part: float) -> int:
        return max(1, int(self._slots * part))

    def _own(self, limit: float) -> int:
        return max(1, int(limit // self._workers))

    def _note_address(self, endpoint: EndpointThrottle, address: str, observed: Observation | None) -> None:
        endpoint.address = address
        if address not in self._addresses:
            self._addresses[address] = OriginThrottle() if _ORIGIN in address else Throttle()
            self._forget_addresses()
        if observed is not None:
            endpoint.pause(observed)
            place = self._addresses[address]
            if isinstance(place, OriginThrottle):
                place.learned.learn(observed)

    def _forget_addresses(self) -> None:
        """Forget addresses that are no longer called: some names resolve to another address each time."""
        if len(self._addresses) > self._most_addresses:
            called = {endpoint.address for endpoint in self._endpoints.values()}
            self._addresses = {
                address: throttle
                for address, throttle in self._addresses.items()
                if throttle.in_flight or address in called
            }
            self._most_addresses = max(_REMEMBERED_ADDRESSES, 2 * len(self._addresses))
