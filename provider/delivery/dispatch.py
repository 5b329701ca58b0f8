"""The path of deliveries through a worker, from the lease to the recorded result.

One thread repeats these steps, and no other thread changes their state:

1. *Collect* attempts that have ended: `sender` releases their permits (`permit`), `health` counts them.
2. *Replace stalled* attempts: their slots go to others (`job_queue`).
3. *Write* what other workers must know about endpoints: `health`, by the rules of `breaker`.
4. *Look*, when it is time by `next_look`: end what has expired (`expiry`), then `start`:
   lease rows (`lease`) in fair order (`selection`), as far as the limits (`limiter`, `throttle`) and the
   breakers allow (`admission`), prepare their requests (`attempt`) and hand them to `sender`.

The threads of `sender` make the attempts (`attempt`): the response is judged (`judge`), and the time of the
next attempt is set (`schedule`). They do not touch the database. Another thread records results in batches
(`results`, `finish`). The larger the backlog, the more is leased and recorded at once.
"""

import threading
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext

from provider.delivery.expiry import end_expired
from provider.delivery.health import HASTEN_BATCH, Health
from provider.delivery.limiter import Limiter, Limits
from provider.delivery.next_look import Leased, NextLook, pause, plan
from provider.delivery.owner import Owner
from provider.delivery.results import Results
from provider.delivery.sender import Sender
from provider.delivery.start import Starter
from provider.delivery.wake_up import WakeUp
from provider.infrastructure.database import is_sqlite
from provider.infrastructure.database_errors import log_failure
from provider.infrastructure.thread_pool import ApplicationThreads, forget_session

# Deliveries leased for each slot: a lease costs as much for one delivery as for many.
_LEASED_AHEAD = 8
_PAUSE_AFTER_FAILURE = 1.0


class Dispatcher:
    """Leases what is due and attempts it, in threads of its own."""

    def __init__(
        self, owner: Owner, *, concurrency: int, name: str, hasten_batch: int = HASTEN_BATCH
    ) -> None:
        permits = concurrency * _LEASED_AHEAD
        self._name = name
        self._builders = owner.builders
        self._wake_up = WakeUp()
        # SQLite allows one writer at a time, and makes a second one sleep longer than necessary.
        self._write_lock: AbstractContextManager[object] = threading.Lock() if is_sqlite() else nullcontext()
        self._limiter = Limiter(Limits.in_force(), slots=concurrency, permits=permits)
        self._health = Health(name, self._limiter, owner.announce, owner.current_urls, hasten_batch)
        self._results = Results(owner.record, self._write_lock, self._wake_up.notify)
        self._sender = Sender(
            self._limiter, self._results, self._wake_up, slots=concurrency, stalled_limit=permits
        )
        self._starter = Starter(
            owner, self._limiter, self._health, self._sender, self._results, self._write_lock, name
        )
        self._thread = ApplicationThreads(1, "dispatch")
        self._next_look = NextLook()
        # How many more deliveries a drain may attempt; None for any number.
        self._attempts_left: int | None = None

    def start(self) -> None:
        """Start working in a thread of its own, until `close`."""
        self._thread.submit(self._run)

    def wake(self, *, sweep: bool = False) -> None:
        """Look for due deliveries now; a sweep also ends those that have expired."""
        self._wake_up.wake(sweep=sweep)

    def divide_among(self, workers: int) -> None:
        """Set how many workers are alive; this one uses its part of the limits."""
        self._limiter.divide_among(workers)

    def drain(self, *, limit: int | None = None) -> "Counter[str]":
        """Attempt everything that is due, wait for the results, and count the resulting states.

        Deliveries that an open breaker holds are left alone.
        """
        self._attempts_left = limit
        self.wake(sweep=True)
        while True:
            self._step()
            if self._is_drained():
                self._write_health(at_once=True)
                if not self._wake_up.is_look_asked:
                    return self._results.states()
            self._wait()

    def close(self) -> None:
        """Lease nothing more and wait for the attempts under way; each is bounded by its deadline."""
        self._wake_up.close()
        self._thread.close()
        self._sender.close()
        self._results.close()

    @property
    def is_closing(self) -> bool:
        """Whether the dispatcher starts nothing more."""
        return self._wake_up.is_closing

    def _run(self) -> None:
        while not (self.is_closing and self._sender.is_idle):
            try:
                self._step()
                self._wait()
            except Exception as exc:  # noqa: BLE001 – logged; a database that is away may be back next time.
                log_failure("dispatch_step_failed", exc)
                forget_session()
                if self.is_closing and not self._limiter.in_flight:
                    return
                self._wake_up.look_again()
                time.sleep(_PAUSE_AFTER_FAILURE)

    def _step(self) -> None:
        self._collect()
        self._replace_stalled()
        # Before anything is started: an endpoint that has just failed too often must not get another request.
        self._write_health(at_once=self.is_closing)
        if self._is_time_to_look():
            self._look()
        forget_session()

    def _wait(self) -> None:
        """Wait until something has ended, a wake-up comes, or it is time to look or to write."""
        next_due_at = self._results.next_due_at(self._next_look.looked_at)
        self._next_look = self._next_look.no_later_than(next_due_at)
        self._wake_up.wait(
            pause(
                self._next_look,
                time.monotonic(),
                is_asked=self._wake_up.is_look_asked,
                is_closing=self.is_closing,
                is_busy=bool(self._limiter.in_flight),
                write_in=self._health.write_in,
            )
        )

    def _collect(self) -> None:
        for leased, result in self._sender.collect():
            self._health.count(leased.recipient, result)
            self._next_look = self._next_look.after_release(is_half_free=self._limiter.is_half_free)

    def _replace_stalled(self) -> None:
        if self._sender.replace_stalled():
            self._next_look = self._next_look.after_release(is_half_free=self._limiter.is_half_free)

    def _write_health(self, *, at_once: bool) -> None:
        with self._write_lock:
            is_more_due = self._health.write(at_once=at_once)
        if is_more_due:
            self._wake_up.look_again()

    def _is_time_to_look(self) -> bool:
        is_time = self._wake_up.is_look_asked or time.monotonic() >= self._next_look.at
        return is_time and not self.is_closing

    def _look(self) -> None:
        looked_at = time.monotonic()
        is_sweep = self._wake_up.begin_look()
        if is_sweep and end_expired(self._write_lock, self._builders, self._results, self._name):
            self.wake(sweep=True)
        found = self._starter.lease_and_start(self._attempts_left)
        if self._attempts_left is not None and isinstance(found, Leased):
            self._attempts_left -= found.taken
        self._next_look = plan(found, looked_at, time.monotonic())

    def _is_drained(self) -> bool:
        if not self._sender.is_idle or self._results.is_busy:
            return False
        return self._next_look.is_drained or self._attempts_left == 0
