"""The sweep: every worker looks for due deliveries on its own, so none of them depends on a broker.

Leases are safe among any number of sweepers, so sweeping itself needs no lease; the duty row with its name is
a heartbeat for monitoring.
"""

import time

from sqlalchemy import update

from provider.delivery import workers
from provider.delivery.abandoned import free_leases_of, free_trials_of
from provider.delivery.dispatch import Dispatcher
from provider.infrastructure import clock, current, event_log, leases
from provider.infrastructure.database import change, transaction
from provider.infrastructure.leases import DutyLease
from provider.infrastructure.process_locks import ProcessLock

HEARTBEAT = "sweep"
_LOCKS = "workers"


class Sweeper:
    """Makes the dispatcher look for due deliveries, and records at intervals that this worker is alive."""

    def __init__(self, dispatcher: Dispatcher, holder: str) -> None:
        self._dispatcher = dispatcher
        self._holder = holder
        self._beat_at = 0.0
        self._lock = ProcessLock(current.settings().data_dir / _LOCKS, holder)

    def join(self) -> None:
        """Let the workers that share the data folder notice when this process is killed."""
        self._lock.hold()

    def sweep(self) -> None:
        """Make the dispatcher look once."""
        if time.monotonic() >= self._beat_at:
            self._beat()
        self._lock.act_for_ended(_take_over)
        self._dispatcher.wake(sweep=True)

    def leave(self) -> None:
        """Record that this worker is gone, so that the others use its part of the limits at once."""
        with transaction():
            workers.note_gone(self._holder)
        # Only after the commit: if the database is unreachable, the lock stays held, and the others take over
        # when this process has ended.
        self._lock.release()

    def _beat(self) -> None:
        self._beat_at = time.monotonic() + workers.SEEN_EVERY.total_seconds()
        now = clock.now()
        with transaction():
            row = update(DutyLease).where(DutyLease.name == HEARTBEAT)
            change(row.values(holder=self._holder, last_done_at=now))
            living = workers.note_seen(self._holder, now)
        self._dispatcher.divide_among(living)


def _take_over(name: str) -> None:
    """Free what a worker held when it was killed; otherwise its leases would last longer."""
    with transaction():
        free_trials_of(name)
        freed = free_leases_of(name)
        leases.free_all_of(name)
        workers.note_gone(name)
    event_log.warning("worker_was_killed", worker=name, freed=freed)
