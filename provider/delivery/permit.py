"""The permit to have one delivery under way to one endpoint (DLV-13)."""

import math
from collections.abc import Callable, Sequence

from provider.delivery.learned_share import Observation
from provider.delivery.recipient import Recipient
from provider.delivery.throttle import EndpointThrottle, Pool, Throttle

# Notes the place of an endpoint's latest request, and the response if there was one.
NoteAddress = Callable[[EndpointThrottle, str, Observation | None], None]


class Permit:
    """A permit counts as under way until it is released, once; used by the limiter's thread alone."""

    __slots__ = (
        "_endpoint",
        "_is_released",
        "_note_address",
        "_pools",
        "_taken_at",
        "_throttles",
        "flow",
        "is_stalled",
        "most_at_place",
        "place",
        "priority",
    )

    def __init__(
        self,
        endpoint: EndpointThrottle,
        address: Throttle | None,
        pools: Sequence[Pool],
        note_address: NoteAddress,
        *,
        flow: Recipient | str,
        priority: int,
        now: float,
        most_at_place: float = math.inf,
    ) -> None:
        self._endpoint, self._pools = endpoint, pools
        self._throttles: list[Throttle] = [endpoint] if address is None else [endpoint, address]
        self._note_address, self._taken_at = note_address, now
        # Deliveries of one flow take turns with those of other flows.
        self.flow = flow
        self.priority = priority
        # Where it goes, if that is known, and how many may be sent there at once.
        self.place, self.most_at_place = endpoint.address, most_at_place
        self.is_stalled = self._is_released = False
        for throttle in self._throttles:
            throttle.in_flight += 1
            throttle.starts.append(now)
        for pool in pools:
            pool.active += 1

    @property
    def is_of_operators_recipient(self) -> bool:
        """Whether the operator registered the recipient, and it did not register itself."""
        return not isinstance(self.flow, str)

    def release(
        self, succeeded: bool | None, sent_to: str | None = None, observed: Observation | None = None
    ) -> None:
        """Release it with the result, or None if nothing was sent, and the evidence from the called place."""
        self._is_released = True
        for throttle in self._throttles:
            throttle.in_flight -= 1
            throttle.stalled -= self.is_stalled
        for pool in self._pools:
            if self.is_stalled:
                pool.stalled -= 1
            else:
                pool.active -= 1
        if succeeded is None:
            for throttle in self._throttles:
                throttle.forget(self._taken_at)
        else:
            self._endpoint.learn(succeeded=succeeded)
            self._endpoint.is_slow, self._endpoint.is_silent = self.is_stalled, False
        if sent_to is not None:
            self._note_address(self._endpoint, sent_to, observed)

    def stall(self) -> None:
        """Mark the attempt as stalled: no response has come in the time that a quick app needs."""
        if self._is_released or self.is_stalled:
            return
        self.is_stalled = self._endpoint.is_slow = self._endpoint.is_silent = True
        for throttle in self._throttles:
            throttle.stalled += 1
        for pool in self._pools:
            pool.active, pool.stalled = pool.active - 1, pool.stalled + 1
