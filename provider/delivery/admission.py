"""Decide whether a due delivery may start now, by the limits (DLV-13) and its endpoint's breaker (DLV-14)."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from provider.delivery.health import Health
from provider.delivery.limiter import Limiter
from provider.delivery.permit import Permit
from provider.delivery.selection import DueDelivery


class Admission:
    """Gives the permits of one batch of leases, and finally releases those that were not handed over.

    A permit that is kept after an error would be lost to its app for as long as this worker lives, and
    would keep the worker from stopping.
    """

    def __init__(self, limiter: Limiter, health: Health) -> None:
        self._limiter = limiter
        self._health = health
        self._kept: set[Permit] = set()
        # Whether the limits alone kept a delivery from starting.
        self.is_limited = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for permit in self._kept:
            permit.release(None)

    def admit(self, due: DueDelivery) -> Permit | None:
        """Return a permit, or None if the delivery has to wait.

        If the endpoint's breaker is open, this may take the trial, in the transaction of the leases.
        """
        now = time.monotonic()
        if self._limiter.room(due.recipient, now, registrant=due.registrant, priority=due.priority) < 1:
            self.is_limited = True
            return None
        if self._health.is_held(due.recipient):
            return None
        permit = self._limiter.take(due.recipient, now, registrant=due.registrant, priority=due.priority)
        if permit is not None:
            self._kept.add(permit)
        return permit

    def hand_over(self, permits: Iterable[Permit]) -> None:
        """Leave these permits to the sender, which releases them when their attempts have ended."""
        self._kept.difference_update(permits)
