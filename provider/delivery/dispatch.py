"""The dispatcher: keeps as many attempts in flight as there are threads, whoever rang or swept.

It owns its transactions, because nobody asks for them: one to claim, none while the request is under
way, one to finish together with whatever its owner records.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from uuid import UUID

from provider.delivery.attempt import Report, perform
from provider.delivery.claim import claim_due
from provider.delivery.finish import finish, state_after
from provider.delivery.outgoing import Builder, ClaimedDelivery
from provider.delivery.queries import is_any_due
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import end_read, transaction
from provider.infrastructure.thread_pool import ApplicationThreads

Recorder = Callable[[ClaimedDelivery, Report], None]
# A claim of many rows costs hardly more than a claim of one, and leaves some for the other workers.
_CLAIM_AT_ONCE = 50
_STOP_CHECK_SECONDS = 0.2


class Dispatcher:
    """Claims what is due and attempts it in its own threads; safe to use from many threads."""

    def __init__(self, *, builders: Mapping[str, Builder], record: Recorder, concurrency: int) -> None:
        self._builders = builders
        # Called inside the finishing transaction, for each delivery that has reached its final state.
        self._record = record
        self._threads = ApplicationThreads(concurrency, "delivery")
        self._free = threading.BoundedSemaphore(concurrency)
        self._starting = threading.Lock()
        self._closing = threading.Event()

    def start_due(self, *, limit: int | None = None, logout_id: UUID | None = None) -> "list[Future[str]]":
        """Start an attempt at everything that is due, without waiting for how they go."""
        started: list[Future[str]] = []
        while not self._closing.is_set() and (limit is None or len(started) < limit):
            if not _is_any_due(logout_id):
                break
            slots = self._take_slots(_CLAIM_AT_ONCE if limit is None else limit - len(started))
            started += self._start(slots, logout_id)
        return started

    def drain(self, *, limit: int | None = None, logout_id: UUID | None = None) -> "Counter[str]":
        """Attempt everything that is due and return how many came to which state."""
        return Counter(future.result() for future in self.start_due(limit=limit, logout_id=logout_id))

    def close(self) -> None:
        """Claim nothing more and wait for the attempts under way; each is bounded by its deadline."""
        self._closing.set()
        with self._starting:
            self._threads.close()

    def _take_slots(self, most: int) -> int:
        """Wait for one free thread and take what others are free too; none when we are closing."""
        while not self._free.acquire(timeout=_STOP_CHECK_SECONDS):
            if self._closing.is_set():
                return 0
        taken = 1
        while taken < most and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def _start(self, slots: int, logout_id: UUID | None) -> "list[Future[str]]":
        """Claim as many rows as we hold threads for: a lease must not run out while waiting for one."""
        claimed: list[ClaimedDelivery] = []
        # What has been claimed is also started: `close` waits here before it closes the threads.
        with self._starting:
            try:
                if slots and not self._closing.is_set():
                    claimed = _claim(slots, logout_id)
            finally:
                for _ in range(slots - len(claimed)):
                    self._free.release()
            return [self._threads.submit(self._attempt, one) for one in claimed]

    def _attempt(self, claimed: ClaimedDelivery) -> str:
        with event_log.correlated(claimed.correlation_id):
            try:
                return self._attempt_and_finish(claimed)
            except Exception:  # noqa: BLE001 – logged; the lease runs out and the delivery is attempted again.
                event_log.error("delivery_not_finished", exc_info=True, delivery_id=claimed.id)
                return "unfinished"
            finally:
                self._free.release()

    def _attempt_and_finish(self, claimed: ClaimedDelivery) -> str:
        report = perform(claimed, self._builders, current.house().outbound)
        state = state_after(report)
        with transaction():
            ours = finish(claimed, report)
            if ours and state.is_final:
                self._record(claimed, report)
        if not ours:
            event_log.warning("delivery_lease_lost", delivery_id=claimed.id, attempt=claimed.attempt_number)
            return "lease_lost"
        _log(claimed, report, state)
        return state.value


def _is_any_due(logout_id: UUID | None) -> bool:
    found = is_any_due(clock.now(), logout_id)
    end_read()
    return found


def _claim(limit: int, logout_id: UUID | None) -> list[ClaimedDelivery]:
    with transaction():
        return claim_due(limit, logout_id=logout_id)


def _log(claimed: ClaimedDelivery, report: Report, state: str) -> None:
    exchange = report.exchange
    outcome = exchange.outcome if exchange else getattr(report.verdict, "outcome", "postponed")
    next_attempt_at = getattr(report.verdict, "at", None)
    event_log.info(
        "delivery_attempted",
        delivery_id=claimed.id,
        logout_id=claimed.logout_id,
        client_id=exchange.recipient if exchange else None,
        attempt=claimed.attempt_number,
        outcome=outcome,
        state=str(state),
        status=exchange.status if exchange else None,
        latency_ms=exchange.latency_ms if exchange else None,
        next_attempt_at=next_attempt_at.isoformat() if next_attempt_at else None,
    )
