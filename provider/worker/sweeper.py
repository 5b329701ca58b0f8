"""The sweep: every worker looks for due deliveries by itself, so no broker is needed for any of them.

Claims are safe among any number of sweepers, so there is no lease on sweeping; the row that bears
its name is a heartbeat for whoever watches.
"""

from datetime import timedelta

from sqlalchemy import update

from provider.delivery.dispatch import Dispatcher
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.infrastructure.leases import DutyLease

HEARTBEAT = "sweep"
_HEARTBEAT_EVERY = timedelta(seconds=15)


class Sweeper:
    """Starts whatever is due, and says now and then that it is alive."""

    def __init__(self, dispatcher: Dispatcher, holder: str) -> None:
        self._dispatcher = dispatcher
        self._holder = holder
        self._beaten_at = clock.now() - _HEARTBEAT_EVERY

    def sweep(self) -> None:
        """Look once."""
        self._dispatcher.start_due()
        if clock.now() - self._beaten_at >= _HEARTBEAT_EVERY:
            self._beat()

    def _beat(self) -> None:
        now = self._beaten_at = clock.now()
        with transaction():
            row = update(DutyLease).where(DutyLease.name == HEARTBEAT)
            change(row.values(holder=self._holder, last_done_at=now))
