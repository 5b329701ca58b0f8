"""Attempts in threads of their own: started here, and collected by the dispatcher when they have ended."""

import queue
import time
from collections.abc import Iterator
from contextlib import suppress

from provider.delivery.attempt import AttemptResult, perform
from provider.delivery.job_queue import Job, JobQueue
from provider.delivery.judge import Postponed
from provider.delivery.limiter import Limiter
from provider.delivery.outgoing import LeasedDelivery
from provider.delivery.permit import Permit
from provider.delivery.results import Results
from provider.delivery.wake_up import WakeUp
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database_errors import log_failure

# The dispatcher is woken when one in this many attempts under way has ended: a step for each attempt would
# cost as much as sending it.
_COLLECTED_TOGETHER = 8


class Sender:
    """Performs `slots` attempts at once; at most `stalled_limit` more wait for late responses."""

    def __init__(
        self, limiter: Limiter, results: Results, wake_up: WakeUp, *, slots: int, stalled_limit: int
    ) -> None:
        self._limiter = limiter
        self._results = results
        self._wake_up = wake_up
        self._outbound = current.services().outbound
        self._jobs = JobQueue(slots, stalled_limit, self._perform, results.write_now)
        self._ended: queue.SimpleQueue[tuple[Job, AttemptResult | None]] = queue.SimpleQueue()

    def start(self, jobs: list[Job]) -> None:
        """Attempt these as soon as there are slots. Raises RuntimeError if no thread can be started."""
        self._jobs.add(jobs)

    def collect(self) -> Iterator[tuple[LeasedDelivery, AttemptResult | None]]:
        """Release the permits of the attempts that have ended, and yield their results."""
        with suppress(queue.Empty):
            while True:
                job, result = self._ended.get_nowait()
                sent = result.sent if result else None
                place = self._place_of(sent.url, job.permit) if sent else None
                observed = sent.as_observation(time.monotonic()) if sent else None
                job.permit.release(result.has_succeeded if result else None, place, observed)
                yield job.leased, result

    def replace_stalled(self) -> bool:
        """Give the slots of attempts without a timely response to others; return whether there were any."""
        stalled = self._jobs.replace_stalled(self._limiter.may_stall)
        for job in stalled:
            job.permit.stall()
        return bool(stalled)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way or waits to be collected."""
        return not self._limiter.in_flight and self._ended.empty()

    def close(self) -> None:
        """Wait for everything that was started."""
        self._jobs.close()

    def _place_of(self, url: str, permit: Permit) -> str | None:
        """Return where a request went, as far as the limits of a place are concerned (DLV-13).

        The origin for the operator's apps, because many of them may share the address of one ingress. The
        address for self-registered apps, because their names may all resolve to one host that never agreed to
        it.
        """
        outbound = self._outbound
        return outbound.origin_of(url) if permit.is_of_operators_recipient else outbound.address_of(url)

    def _perform(self, job: Job) -> None:
        leased, result = job.leased, None
        try:
            with event_log.correlated(leased.correlation_id):
                # A worker that is closing sends nothing more: other workers may take what waits in memory at
                # once.
                if self._wake_up.is_closing or job.is_put_back:
                    result = AttemptResult(Postponed(clock.now()))
                else:
                    result = perform(leased, job.prepared, self._outbound)
            self._results.add(leased, result)
        except Exception as exc:  # noqa: BLE001 – logged; the lease runs out and it is attempted again.
            log_failure("delivery_not_finished", exc, delivery_id=leased.id)
        finally:
            self._ended.put((job, result))
            if self._ended.qsize() >= self._limiter.active // _COLLECTED_TOGETHER:
                self._wake_up.notify()
