"""Lease what is due and start its attempts, as far as the limits and the breakers allow."""

import time
from collections.abc import Collection
from contextlib import AbstractContextManager

from provider.delivery.admission import Admission
from provider.delivery.attempt import AttemptResult, prepare
from provider.delivery.health import Health
from provider.delivery.job_queue import Job
from provider.delivery.lease import LeasedBatch, lease_due
from provider.delivery.limiter import Limiter
from provider.delivery.next_look import Found, Leased, NoPermit, NothingDue, ResultsBehind
from provider.delivery.outgoing import Cancelled
from provider.delivery.owner import Owner
from provider.delivery.queries import is_any_due
from provider.delivery.results import Results
from provider.delivery.selection import Capacity
from provider.delivery.sender import Sender
from provider.infrastructure import clock
from provider.infrastructure.database import is_sqlite, reading, transaction

# With more unwritten results than this, nothing more is leased.
_UNWRITTEN = 2000
# Why a delivery is cancelled for which the builder has prepared nothing.
_RECIPIENT_GONE = "recipient_gone"


class Starter:
    """Leases rows in one transaction, and hands them to the threads of a sender; used by one thread."""

    def __init__(
        self,
        owner: Owner,
        limiter: Limiter,
        health: Health,
        sender: Sender,
        results: Results,
        write_lock: AbstractContextManager[object],
        name: str,
    ) -> None:
        self._builders = owner.builders
        self._registrant = owner.registrant
        self._limiter = limiter
        self._health = health
        self._sender = sender
        self._results = results
        self._write_lock = write_lock
        self._name = name

    def lease_and_start(self, limit: int | None) -> Found:
        """Start at most `limit` attempts, or any number if that is None; returns what was found."""
        capacity = Capacity(self._limiter.free, self._limiter.free_for_urgent).at_most(limit)
        if capacity.urgent < 1:
            return NoPermit(is_limit_reached=limit == 0)
        if self._results.unwritten > _UNWRITTEN:
            return ResultsBehind()
        if not _may_be_due(self._builders):
            return NothingDue()
        self._health.refresh()
        with Admission(self._limiter, self._health) as admission:
            with self._write_lock, transaction():
                batch = lease_due(capacity, admission.admit, self._builders, self._name, self._registrant)
            jobs = self._prepare(batch)
            self._sender.start(jobs)
            admission.hand_over(job.permit for job in jobs)
        return self._found(batch, is_limited=admission.is_limited)

    def _prepare(self, batch: LeasedBatch) -> list[Job]:
        """Return the jobs to send; deliveries that are not sent get their results at once."""
        prepared = prepare([leased for leased, _ in batch.taken], self._builders)
        jobs = []
        for leased, permit in batch.taken:
            request = prepared.get(leased.id, Cancelled(_RECIPIENT_GONE))
            if isinstance(request, AttemptResult):
                self._results.add(leased, request)
            else:
                jobs.append(Job(leased, request, permit))
        return jobs

    def _found(self, batch: LeasedBatch, *, is_limited: bool) -> Leased:
        return Leased(
            taken=len(batch.taken),
            may_be_more=batch.may_be_more,
            is_full=batch.is_full,
            has_held=bool(batch.held),
            held_until=self._held_until(batch),
            is_limited=is_limited,
            has_free=self._limiter.free > 0,
            is_half_free=self._limiter.is_half_free,
        )

    def _held_until(self, batch: LeasedBatch) -> float | None:
        """Return when a waiting recipient may be called without another event, by its rate or by a trial."""
        instants = [self._limiter.next_room_at(recipient) for recipient in batch.held]
        trial_in = self._health.next_trial_in(batch.held)
        if trial_in is not None:
            instants.append(time.monotonic() + trial_in)
        return min((instant for instant in instants if instant is not None), default=None)


def _may_be_due(kinds: Collection[str]) -> bool:
    """Return whether to lease: on SQLite a lease keeps every other writer waiting, so a read comes first."""
    if not is_sqlite():
        return True
    with reading():
        return is_any_due(clock.now(), kinds)
