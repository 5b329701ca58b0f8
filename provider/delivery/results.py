"""Results of attempts, written in batches with the records of their owner."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from provider.delivery.attempt import AttemptResult
from provider.delivery.count import count
from provider.delivery.finish import Ended, finish, state_after
from provider.delivery.outgoing import LeasedDelivery
from provider.infrastructure import clock, event_log
from provider.infrastructure.database import db, transaction
from provider.infrastructure.database_errors import is_away, log_failure
from provider.infrastructure.thread_pool import ApplicationThreads, forget_session

Recorder = Callable[[Sequence[Ended]], None]
_WRITTEN_AT_ONCE = 500
# Seconds that a result may wait to be written together with others: a transaction takes as much CPU for one
# result as for several, while other apps wait to be notified.
_GATHERED_FOR = 0.05
_PAUSE_AFTER_TROUBLE = 1.0
_NOTED_AHEAD = 60.0
_NOTED_A_SECOND = 20


class Results:
    """Results that wait to be written by a thread of their own, while leasing goes on.

    None of them is lost while the database is unreachable.
    """

    def __init__(
        self, record: Recorder, write_lock: AbstractContextManager[object], tell: Callable[[], None]
    ):
        self._record = record
        self._write_lock = write_lock
        # Called when results were written; an attempt may be due sooner than was known.
        self._tell_written = tell
        self._thread = ApplicationThreads(1, "results")
        self._lock = threading.Lock()
        self._unwritten: list[Ended] = []
        self._is_writing = False
        self._is_closing = False
        # Set when waiting for more results is not worthwhile.
        self._is_complete = threading.Event()
        self._states: Counter[str] = Counter()
        # When postponed attempts are due within a minute; the sweep finds the later ones.
        self._due_at: set[float] = set()

    def add(self, leased: LeasedDelivery, result: AttemptResult) -> None:
        """Add a result, which is written soon."""
        with self._lock:
            if not self._unwritten:
                self._is_complete.clear()
            self._unwritten.append((leased, result))
            if len(self._unwritten) == _WRITTEN_AT_ONCE:
                self._is_complete.set()
            if not self._is_writing:
                self._thread.submit(self._write_all)
                self._is_writing = True

    def write_now(self) -> None:
        """Write without waiting for more: no attempt is under way that is likely to end soon."""
        self._is_complete.set()

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be written."""
        return self._is_writing

    @property
    def unwritten(self) -> int:
        """The number of results still to be written."""
        return len(self._unwritten)

    def next_due_at(self, after: float) -> float:
        """Return when the next postponed attempt after an instant is due; both on the monotonic clock."""
        with self._lock:
            self._due_at = {due_at for due_at in self._due_at if due_at > after}
            return min(self._due_at, default=math.inf)

    def states(self) -> "Counter[str]":
        """Return how many deliveries have been written in each state."""
        return Counter(self._states)

    def close(self) -> None:
        """Write what is left; try only once if the database is unreachable."""
        self._is_closing = True
        self._is_complete.set()
        self._thread.close()

    def _write_all(self) -> None:
        while ended := self._next_batch():
            try:
                self._write_batch(ended)
            except Exception as exc:  # noqa: BLE001 – logged; a database that is away may be back next time.
                log_failure("deliveries_not_written", exc, count=len(ended))
                db.session.rollback()
                if self._is_closing:
                    return
                time.sleep(_PAUSE_AFTER_TROUBLE)
            else:
                with self._lock:
                    del self._unwritten[: len(ended)]
            forget_session()
            self._tell_written()

    def _next_batch(self) -> "list[Ended]":
        if 0 < len(self._unwritten) < _WRITTEN_AT_ONCE and not self._is_closing:
            self._is_complete.wait(_GATHERED_FOR)
        with self._lock:
            self._is_complete.clear()
            ended = self._unwritten[:_WRITTEN_AT_ONCE]
            self._is_writing = bool(ended)
        if not ended:
            self._tell_written()
        return ended

    def _write_batch(self, ended: "list[Ended]") -> None:
        """Write a batch; if the database refuses it, write its results one by one."""
        try:
            self._states += self._write(ended)
        except Exception as exc:
            if is_away(exc):
                raise
            # A result that cannot be written must not keep the others from being written.
            event_log.error("deliveries_not_written", exc_info=True, count=len(ended))
            db.session.rollback()
            for one in ended:
                self._states += self._write_alone(one)

    def _write_alone(self, one: Ended) -> "Counter[str]":
        try:
            return self._write([one])
        except Exception as exc:
            if is_away(exc):
                raise
            # The lease runs out and the delivery is attempted again.
            event_log.error("delivery_not_finished", exc_info=True, delivery_id=one[0].id)
            db.session.rollback()
            return Counter({"unfinished": 1})

    def _write(self, ended: "list[Ended]") -> "Counter[str]":
        with self._write_lock, transaction():
            ours = finish(ended)
            self._record([one for one in ended if one[0] in ours and state_after(one[1]).is_final])
        states: Counter[str] = Counter()
        for leased, result in ended:
            states[self._tell(leased, result, is_ours=leased in ours)] += 1
        count([one for one in ended if one[0] in ours])
        return states

    def _note_due(self, seconds: float) -> None:
        """Remember when an attempt is due, rounded up so that the number of instants stays bounded."""
        if seconds < _NOTED_AHEAD:
            due_at = math.ceil((time.monotonic() + seconds) * _NOTED_A_SECOND) / _NOTED_A_SECOND
            with self._lock:
                self._due_at.add(due_at)

    def _tell(self, leased: LeasedDelivery, result: AttemptResult, *, is_ours: bool) -> str:
        """Log how an attempt went, and remember when the next is due."""
        with event_log.correlated(leased.correlation_id):
            if not is_ours:
                event_log.warning("delivery_lease_lost", delivery_id=leased.id, attempt=leased.attempt_number)
                return "lease_lost"
            _log(leased, result)
        next_at = getattr(result.verdict, "at", None)
        if next_at is not None:
            self._note_due((next_at - clock.now()).total_seconds())
        return state_after(result).value


def _log(leased: LeasedDelivery, result: AttemptResult) -> None:
    sent = result.sent
    outcome = sent.outcome if sent else getattr(result.verdict, "outcome", "postponed")
    next_attempt_at = getattr(result.verdict, "at", None)
    event_log.info(
        "delivery_attempted",
        delivery_id=leased.id,
        kind=leased.kind,
        cause_id=leased.cause_id,
        client_id=sent.name if sent else None,
        attempt=leased.attempt_number,
        outcome=outcome,
        state=state_after(result).value,
        status=sent.status if sent else None,
        latency_ms=sent.latency_ms if sent else None,
        next_attempt_at=next_attempt_at.isoformat() if next_attempt_at else None,
    )
