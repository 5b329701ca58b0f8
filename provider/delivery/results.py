"""What has ended and is to be written down: in batches, each with what its owner records of it."""

import math
import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from provider.delivery.attempt import Report
from provider.delivery.count import count
from provider.delivery.finish import Ended, finish, state_after
from provider.delivery.outgoing import ClaimedDelivery
from provider.infrastructure import clock, event_log
from provider.infrastructure.database import db, transaction

Recorder = Callable[[ClaimedDelivery, Report], None]
_WRITTEN_AT_ONCE = 500


class Results:
    """Reports that wait to be written; a database that is away loses none of them."""

    def __init__(self, record: Recorder) -> None:
        self._record = record
        self._unwritten: list[Ended] = []
        self._next_due_at = math.inf

    def __len__(self) -> int:
        return len(self._unwritten)

    def add(self, claimed: ClaimedDelivery, report: Report) -> None:
        """Take a report; it is written down at the next `write`."""
        self._unwritten.append((claimed, report))

    def next_due_at(self) -> float:
        """Return when the first of the attempts is due that were put off since this was last asked."""
        due_at, self._next_due_at = self._next_due_at, math.inf
        return due_at

    def write(self) -> "Counter[str]":
        """Write down everything that has ended; what the database refuses, one by one."""
        ended = self._unwritten[:_WRITTEN_AT_ONCE]
        if not ended:
            return Counter()
        try:
            states = self._write(ended)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 – logged; one that cannot be written must not keep the others from it.
            event_log.error("deliveries_not_written", exc_info=True, count=len(ended))
            db.session.rollback()
            states = Counter()
            for one in ended if len(ended) > 1 else ():
                states += self._write_alone(one)
        del self._unwritten[: len(ended)]
        return states

    def _write_alone(self, one: Ended) -> "Counter[str]":
        try:
            return self._write([one])
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 – logged; the lease runs out and the delivery is attempted again.
            event_log.error("delivery_not_finished", exc_info=True, delivery_id=one[0].id)
            db.session.rollback()
            return Counter({"unfinished": 1})

    def _write(self, ended: "list[Ended]") -> "Counter[str]":
        with transaction():
            ours = finish(ended)
            for claimed, report in ended:
                if claimed in ours and state_after(report).is_final:
                    with event_log.correlated(claimed.correlation_id):
                        self._record(claimed, report)
        states: Counter[str] = Counter()
        for claimed, report in ended:
            states[self._tell(claimed, report, is_ours=claimed in ours)] += 1
        return states

    def _tell(self, claimed: ClaimedDelivery, report: Report, *, is_ours: bool) -> str:
        """Log how an attempt went, and remember when the next is due."""
        with event_log.correlated(claimed.correlation_id):
            if not is_ours:
                event_log.warning(
                    "delivery_lease_lost", delivery_id=claimed.id, attempt=claimed.attempt_number
                )
                return "lease_lost"
            _log(claimed, report)
            count(claimed, report)
        next_at = getattr(report.verdict, "at", None)
        if next_at is not None:
            due_at = time.monotonic() + (next_at - clock.now()).total_seconds()
            self._next_due_at = min(self._next_due_at, due_at)
        return state_after(report).value


def _log(claimed: ClaimedDelivery, report: Report) -> None:
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
        state=state_after(report).value,
        status=exchange.status if exchange else None,
        latency_ms=exchange.latency_ms if exchange else None,
        next_attempt_at=next_attempt_at.isoformat() if next_attempt_at else None,
    )
