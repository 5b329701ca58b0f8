"""The dispatcher: keeps as many attempts in flight as there is room for, whoever rang or swept.

One thread claims and says what is started, another writes down what has ended, and the attempts
themselves run in threads of their own and touch no database (`lot`). So everything is claimed and written
in batches, the larger the more there is to do.
"""

import queue
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from uuid import UUID

from provider.delivery.attempt import Report, perform, prepare
from provider.delivery.claim import Claim, claim_due
from provider.delivery.fair import Most, Waiting
from provider.delivery.gate import Gate, Limits, Permit
from provider.delivery.health import Health
from provider.delivery.judge import CLIENT_DELETED, Postponed
from provider.delivery.lot import Job, Lot
from provider.delivery.outgoing import Cancelled
from provider.delivery.owner import Owner
from provider.delivery.queries import is_any_due
from provider.delivery.results import Results
from provider.delivery.run_out import end_run_out
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import is_sqlite, log_failure, reading, transaction
from provider.infrastructure.thread_pool import ApplicationThreads, forget_session

# So many times as many are taken as are sent at once: a claim costs as much for one as for many.
_TAKEN_AHEAD = 8
# Of what is under way, the part that must have ended before anybody looks after it sooner than after a pause.
_TAKEN_TOGETHER = 8
# So many reports may wait to be written before nothing more is claimed.
_UNWRITTEN = 2000
_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_PAUSE_AFTER_TROUBLE = 1.0
_NEVER = float("inf")


class Dispatcher:
    """Claims what is due and attempts it in its own threads."""

    def __init__(self, owner: Owner, *, concurrency: int, name: str) -> None:
        self._owner = owner
        self._outbound = current.house().outbound
        places = concurrency * _TAKEN_AHEAD
        self._gate = Gate(Limits.in_force(), slots=concurrency, places=places)
        self._health = Health(name, self._gate, owner.announce, owner.current_urls)
        self._lot = Lot(concurrency, places, self._attempt)
        self._loop = ApplicationThreads(1, "dispatch")
        self._ended: queue.SimpleQueue[tuple[Job, Report | None]] = queue.SimpleQueue()
        self._wake = threading.Event()
        # SQLite has one writer at a time, and makes a second one sleep longer than it would have to wait.
        self._turns: AbstractContextManager[object] = threading.Lock() if is_sqlite() else nullcontext()
        self._results = Results(owner.record, self._turns, self._wake.set)
        self._closing = threading.Event()
        # Somebody wants us to look for due deliveries.
        self._asked = threading.Event()
        # When to look for them unasked deliveries, by the monotonic clock.
        self._look_at = 0.0
        self._looked_at = 0.0
        self._is_sweep = True
        self._waits_for_room = False
        # Whether the last look has started all that may be started now or later by itself.
        self._is_drained = False
        # How many more may be attempted at all.
        self._left: int | None = None

    def start(self) -> None:
        """Work in a thread of its own until it is closed."""
        self._loop.submit(self._work)

    def wake(self, *, sweep: bool = False) -> None:
        """Have it look for due deliveries now; a sweep also for those that have lost their meaning."""
        if sweep:
            self._is_sweep = True
        self._asked.set()
        self._wake.set()

    def share_among(self, workers: int) -> None:
        """Take a share of the limits, because so many workers live."""
        self._gate.share_among(workers)

    def drain(self, *, limit: int | None = None) -> "Counter[str]":
        """Attempt everything that is due, here and now, and count the states it came to.

        What an open breaker holds is left where it is.
        """
        self._left = limit
        self.wake(sweep=True)
        while True:
            self._turn()
            if self._is_quiet and not self._results.is_busy and (self._is_drained or self._left == 0):
                self._write_health(at_once=True)
                if not self._asked.is_set():
                    return self._results.states()
            self._wait()

    def close(self) -> None:
        """Claim nothing more and wait for the attempts under way; each is bounded by its deadline."""
        self._closing.set()
        self._wake.set()
        self._loop.close()
        self._lot.close()
        self._results.close()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is begun."""
        return self._closing.is_set()

    @property
    def _next_look_at(self) -> float:
        """When to look for more: at once when much can be taken, else once some places have come free.

        A claim costs nearly as much for one as for many.
        """
        return 0.0 if self._gate.is_half_free else self._looked_at + _SHORTEST_PAUSE

    @property
    def _is_quiet(self) -> bool:
        return not self._gate.in_flight and self._ended.empty()

    def _work(self) -> None:
        while not (self._closing.is_set() and self._is_quiet):
            try:
                self._turn()
                self._wait()
            except Exception as exc:  # noqa: BLE001 – logged; a database that is away may be back next turn.
                log_failure("dispatch_turn_failed", exc)
                forget_session()
                if self._closing.is_set() and not self._gate.in_flight:
                    break
                self._asked.set()
                time.sleep(_PAUSE_AFTER_TROUBLE)

    def _wait(self) -> None:
        """Wait until something has ended, somebody wakes us, or it is time to look or to write."""
        self._look_at = min(self._look_at, self._results.next_due_at(self._looked_at))
        if self._asked.is_set() and not self._closing.is_set():
            return
        longest = _SHORTEST_PAUSE if self._gate.in_flight else _LONGEST_PAUSE
        pause = min(longest, self._health.write_in)
        if not self._closing.is_set():
            # Whoever closes looks for nothing any more.
            pause = min(pause, self._look_at - time.monotonic())
        if pause > 0:
            self._wake.wait(pause)
        self._wake.clear()

    def _turn(self) -> None:
        self._collect()
        self._relieve()
        # Before anything is started: what has just failed too often gets not one more.
        self._write_health(at_once=self._closing.is_set())
        wants_look = self._asked.is_set() or time.monotonic() >= self._look_at
        if wants_look and not self._closing.is_set():
            self._look()
        forget_session()

    def _write_health(self, *, at_once: bool) -> None:
        with self._turns:
            works_again = self._health.write(at_once=at_once)
        if works_again:
            # What waited for it is due by that.
            self._asked.set()

    def _relieve(self) -> None:
        """Let others go on instead of attempts that are not answered soon."""
        stalled = self._lot.relieve(self._gate.may_stall)
        for job in stalled:
            job.permit.stall()
        if stalled and self._waits_for_room:
            self._look_at = min(self._look_at, self._next_look_at)

    def _collect(self) -> None:
        """Give back the places of what has ended."""
        with suppress(queue.Empty):
            while True:
                job, report = self._ended.get_nowait()
                succeeded = report.has_succeeded if report else None
                exchange = report.exchange if report else None
                job.permit(succeeded, self._outbound.address_of(exchange.url) if exchange else None)
                if exchange and succeeded is not None:
                    self._health.count(
                        job.claimed.client_id,
                        succeeded=succeeded,
                        url=exchange.url,
                        outcome=exchange.outcome,
                    )
                if self._waits_for_room:
                    self._look_at = min(self._look_at, self._next_look_at)

    def _look(self) -> None:
        """Start what is due and has room, and decide when to look again."""
        self._asked.clear()
        self._looked_at = time.monotonic()
        self._look_at, self._waits_for_room, self._is_drained = _NEVER, False, True
        if self._is_sweep:
            self._is_sweep = False
            if end_run_out(self._turns, self._owner.builders, self._results):
                self.wake(sweep=True)
        most = Most(self._gate.free, self._gate.free_for_urgent).at_most(self._left)
        if most.urgent < 1:
            self._waits_for_room, self._is_drained = self._left != 0, False
            return
        if self._results.unwritten > _UNWRITTEN:
            # What is not written down before its lease ends is sent again; more of it would only come later.
            self._look_at, self._is_drained = self._looked_at + _SHORTEST_PAUSE, False
            return
        claim = self._claim_and_start(most)
        if claim is None:
            return
        if claim.held:
            self._wait_for_room_of(claim.held)
        if claim.may_be_more and (claim.taken or claim.is_full):
            self._waits_for_room, self._is_drained = True, False
            self._look_at = self._next_look_at if self._gate.free else self._look_at

    def _claim_and_start(self, most: Most) -> Claim | None:
        places: set[Permit] = set()
        try:
            claim = self._claim(most, places)
            if claim is not None:
                self._start(claim, places)
        finally:
            # Taken in vain: a place that is not given back is lost to its app for as long as this worker
            # lives, and keeps it from stopping.
            for end in places:
                end(None)
        return claim

    def _claim(self, most: Most, places: set[Permit]) -> Claim | None:
        # On SQLite a claim keeps every other writer waiting; so ask first whether there is anything.
        if is_sqlite():
            with reading():
                found = is_any_due(clock.now())
            if not found:
                return None
        self._health.refresh()
        with self._turns, transaction():
            return claim_due(most, partial(self._take, places))

    def _take(self, places: set[Permit], one: Waiting) -> Permit | None:
        now = time.monotonic()
        if self._gate.room(one.client_id, now, registrant=one.registrant, priority=one.priority) < 1:
            self._is_drained = False
            return None
        if self._health.is_held(one.client_id):
            return None
        place = self._gate.take(one.client_id, now, registrant=one.registrant, priority=one.priority)
        places |= {place} if place else set()
        return place

    def _start(self, claim: Claim, places: set[Permit]) -> None:
        prepared = prepare([claimed for claimed, _ in claim.taken], self._owner.builders)
        jobs = []
        for claimed, permit in claim.taken:
            if self._left is not None:
                self._left -= 1
            how = prepared.get(claimed.id, Cancelled(CLIENT_DELETED))
            if isinstance(how, Report):
                self._results.add(claimed, how)
            else:
                jobs.append(Job(claimed, how, permit))
        self._lot.add(jobs)
        places.difference_update(job.permit for job in jobs)

    def _wait_for_room_of(self, held: set[UUID]) -> None:
        """Look again when one of these may be called: something ends, a second passes, a trial is due."""
        self._waits_for_room = True
        now = time.monotonic()
        instants = [at for at in map(self._gate.next_room_at, held) if at is not None]
        trial = self._health.next_trial_in(held)
        instants += [now + trial] if trial is not None else []
        if instants:
            self._look_at = max(min(instants), now + _SHORTEST_PAUSE)

    def _attempt(self, job: Job) -> None:
        claimed, report = job.claimed, None
        try:
            with event_log.correlated(claimed.correlation_id):
                # A worker that closes sends nothing more: what waits in memory is free for others at once.
                if self._closing.is_set() or job.is_put_back:
                    report = Report(Postponed(clock.now()))
                else:
                    report = perform(claimed, job.how, self._outbound)
            self._results.add(claimed, report)
        except Exception as exc:  # noqa: BLE001 – logged; the lease runs out and it is attempted again.
            log_failure("delivery_not_finished", exc, delivery_id=claimed.id)
        finally:
            self._ended.put((job, report))
            # Many that end are taken together: a turn for each of them would cost as much as sending it.
            if self._ended.qsize() >= self._gate.active // _TAKEN_TOGETHER:
                self._wake.set()
