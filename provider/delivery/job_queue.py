"""Leased deliveries that wait for a thread: urgent ones first, then each app in turn.

A thread that has finished a job takes the next one. A thread that has waited too long for a response does not
hold up the others: another thread is started in its place, and waiting jobs for the same app are put back.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count

from provider.delivery.limiter import QUICK
from provider.delivery.outgoing import LeasedDelivery, Prepared
from provider.delivery.permit import Permit
from provider.delivery.recipient import Recipient
from provider.infrastructure import event_log
from provider.infrastructure.thread_pool import ApplicationThreads


class Job:
    """One leased delivery: how its request is made, and the permit to send it."""

    __slots__ = ("is_put_back", "is_stalled", "leased", "permit", "prepared", "started_at")

    def __init__(self, leased: LeasedDelivery, prepared: Prepared, permit: Permit) -> None:
        self.leased, self.prepared, self.permit = leased, prepared, permit
        self.started_at = 0.0
        self.is_stalled = False
        # It is not sent now: its app has gone silent, or too many requests to the same place are under way.
        self.is_put_back = False


class JobQueue:
    """Gives jobs to `slots` threads; one other thread adds jobs and replaces stalled threads.

    At most `stalled_limit` additional threads wait for late responses.
    """

    def __init__(
        self, slots: int, stalled_limit: int, act: Callable[[Job], None], tell_quiet: Callable[[], None]
    ) -> None:
        self._slots = slots
        self._act = act
        # Called when no job waits and only stalled jobs run.
        self._tell_quiet = tell_quiet
        self._threads = ApplicationThreads(slots + stalled_limit, "delivery")
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, int, int, Job]] = []
        self._sequence = count()
        # Start-time fair queueing: a flow's next job comes one round after its last, and a flow that was idle
        # joins in the present round, before the jobs that other flows have queued up.
        self._round: dict[int, int] = {}
        self._last: dict[tuple[int, object], int] = {}
        # Threads at work, not counting those of stalled jobs.
        self._active = 0
        # Jobs that have a thread and are not stalled, the longest running first.
        self._running: dict[Job, None] = {}
        # Recipients with a stalled job that have not answered anything since.
        self._silent: set[Recipient] = set()
        # How many jobs are being sent to each place, including stalled ones.
        self._sent_to: Counter[str | None] = Counter()

    def add(self, jobs: Iterable[Job]) -> None:
        """Add jobs; each starts as soon as it is first in the order and a slot is free.

        Raises RuntimeError, and starts none of them, when the system refuses to start any thread.
        """
        with self._lock:
            for job in jobs:
                priority, flow = job.permit.priority, job.permit.flow
                rank = max(self._round.get(priority, 0), self._last.get((priority, flow), -1) + 1)
                self._last[priority, flow] = rank
                heappush(self._waiting, (priority, rank, next(self._sequence), job))
            try:
                self._fill()
            except RuntimeError:
                self._waiting.clear()
                raise
        self._tell_if_quiet()

    def replace_stalled(self, limit: int) -> list[Job]:
        """Replace at most `limit` threads that have waited for a response for longer than QUICK.

        Returns the jobs that have become stalled.
        """
        late = time.monotonic() - QUICK
        stalled: list[Job] = []
        with self._lock:
            for job in self._running:
                if job.started_at > late or len(stalled) >= limit:
                    break
                stalled.append(job)
            for job in stalled:
                del self._running[job]
                job.is_stalled = True
                self._silent.add(job.leased.recipient)
            self._active -= len(stalled)
            self._fill()
        if stalled:
            self._tell_if_quiet()
        return stalled

    def is_silent(self, recipient: Recipient) -> bool:
        """Return whether a job of this recipient is stalled and it has not answered anything since."""
        return recipient in self._silent

    def close(self) -> None:
        """Wait for everything that was added."""
        self._threads.close()

    def _fill(self) -> None:
        for _ in range(min(len(self._waiting), self._slots - self._active)):
            self._threads.submit(self._work)
            self._active += 1

    def _work(self) -> None:
        job = self._next()
        while job is not None:
            try:
                self._act(job)
            except Exception:  # noqa: BLE001 – logged; the next job has nothing to do with it.
                event_log.error("job_failed", exc_info=True, delivery_id=job.leased.id)
            job = self._next(job)
        self._tell_if_quiet()

    def _tell_if_quiet(self) -> None:
        # Each thread checks this after removing its own job, so the last one finds none.
        if not self._waiting and not self._running:
            self._tell_quiet()

    def _next(self, done: Job | None = None) -> Job | None:
        """Return the next job for this thread, or None if the thread is no longer needed."""
        with self._lock:
            if done is not None:
                self._running.pop(done, None)
                if not done.is_put_back:
                    self._silent.discard(done.leased.recipient)
                    self._sent_to[done.permit.place] -= 1
                    if not self._sent_to[done.permit.place]:
                        del self._sent_to[done.permit.place]
                # A stalled job's slot has gone to another thread, so this thread counts again.
                self._active += done.is_stalled
            if not self._waiting or self._active > self._slots:
                self._active -= 1
                return None
            priority, rank, _, job = heappop(self._waiting)
            self._round[priority] = rank
            if self._last.get((priority, job.permit.flow)) == rank:
                del self._last[priority, job.permit.flow]
            sent_there = self._sent_to[job.permit.place]
            job.is_put_back = job.leased.recipient in self._silent or sent_there >= job.permit.most_at_place
            if not job.is_put_back:
                self._sent_to[job.permit.place] += 1
            job.started_at = time.monotonic()
            self._running[job] = None
            return job
