"""The effects of attempts' results: rows, records, lines of the log, counts and the next instant."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.delivery.attempt import AttemptResult
from provider.delivery.count import count
from provider.delivery.finish import Ended
from provider.delivery.judge import Accepted, Expired, Postponed, RetryAt
from provider.delivery.lease import lease_due
from provider.delivery.outgoing import Cancelled, Superseded
from provider.delivery.selection import Capacity
from provider.infrastructure import clock, event_log, metrics
from provider.infrastructure.database import db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.notification.outbox import record_results
from tests.conftest import TurnedClock
from tests.delivery.owing import attempts_of, now_is
from tests.delivery.permits import without_limit
from tests.delivery.recorded import Recorded, lease, logged, sent

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def test_each_is_written_recorded_and_logged(owner: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "curfew")
    accepted, failed, put_off, cancelled = lease(4)
    soon = clock.now() + MINUTE
    owner.results.add(accepted, AttemptResult(Accepted("accepted"), sent("accepted", 200)))
    owner.results.add(failed, AttemptResult(RetryAt(soon, "timeout"), sent("timeout")))
    owner.results.add(put_off, AttemptResult(Postponed(soon)))
    owner.results.add(cancelled, AttemptResult(Cancelled("client_deleted")))

    owner.results.close()

    assert owner.results.states() == {"accepted": 1, "pending": 2, "cancelled": 1}
    assert (owner.results.unwritten, owner.results.is_busy) == (0, False)
    assert sorted(one.id for one in owner.final) == sorted([accepted.id, cancelled.id])
    assert owner.calls >= 2
    rows = [now_is(one) for one in (accepted, failed, put_off, cancelled)]  # type: ignore[arg-type]
    assert [(row.state, row.attempt_count, row.last_outcome) for row in rows] == [
        ("accepted", 1, "accepted"),
        ("pending", 1, "timeout"),
        ("pending", 0, None),
        ("cancelled", 0, None),
    ]
    lines = {fields["delivery_id"]: fields for _, fields, _ in logged(caplog, "delivery_attempted")}
    nothing = {"client_id": None, "status": None, "latency_ms": None}
    assert lines[put_off.id] == nothing | {
        "delivery_id": put_off.id,
        "kind": BACKCHANNEL_LOGOUT,
        "cause_id": put_off.cause_id,
        "attempt": 1,
        "outcome": "postponed",
        "state": "pending",
        "next_attempt_at": soon.isoformat(),
    }
    assert lines[failed.id]["client_id"] == "red"
    of_exchange = [lines[accepted.id][name] for name in ("client_id", "outcome", "status", "latency_ms")]
    assert of_exchange == ["red", "accepted", 200, 7]
    assert (lines[cancelled.id]["outcome"], lines[cancelled.id]["next_attempt_at"]) == (None, None)


def test_a_row_keeps_what_was_sent_last_and_nothing_of_what_was_not(
    owner: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "curfew")
    refused, cancelled, put_off = lease(3)
    now = clock.now()
    not_found = sent("misconfigured", 404)
    owner.results.add(refused, AttemptResult(RetryAt(now + MINUTE, "misconfigured"), not_found))
    owner.results.add(cancelled, AttemptResult(Cancelled("gone"), not_found))
    owner.results.add(put_off, AttemptResult(Postponed(now + MINUTE)))

    owner.results.close()

    rows = [now_is(one) for one in (refused, cancelled, put_off)]  # type: ignore[arg-type]
    assert [(row.refusals, row.last_outcome, row.last_url, row.first_attempt_at) for row in rows] == [
        (1, "misconfigured", not_found.url, now),
        (1, "misconfigured", not_found.url, now),
        (0, None, None, None),
    ]
    lines = {fields["delivery_id"]: fields for _, fields, _ in logged(caplog, "delivery_attempted")}
    assert (lines[cancelled.id]["outcome"], lines[cancelled.id]["state"]) == ("misconfigured", "cancelled")


def test_a_lost_lease_is_logged_and_not_recorded(
    owner: Recorded, caplog: pytest.LogCaptureFixture, turned_clock: TurnedClock
) -> None:
    (zombie,) = lease(1)
    turned_clock.turn(2 * MINUTE)
    with transaction():
        lease_due(Capacity(1, 1), without_limit, [BACKCHANNEL_LOGOUT], "another")
    before = metrics.DELIVERY_ATTEMPTS.labels(BACKCHANNEL_LOGOUT, "accepted")._value.get()

    owner.results.add(zombie, AttemptResult(Accepted("accepted"), sent("accepted", 200)))
    owner.results.close()

    assert (owner.results.states(), owner.final) == ({"lease_lost": 1}, [])
    about = {"delivery_id": zombie.id, "attempt": 1}
    assert logged(caplog, "delivery_lease_lost") == [("WARNING", about, False)]
    assert logged(caplog, "delivery_attempted") == []
    assert metrics.DELIVERY_ATTEMPTS.labels(BACKCHANNEL_LOGOUT, "accepted")._value.get() == before


def test_one_that_cannot_be_written_keeps_no_other_from_it(
    owner: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad, another = lease(3)
    owner.refused = bad
    with owner.results._lock:
        # All three are one batch.
        for one in (good, bad, another):
            owner.results._unwritten.append((one, AttemptResult(Accepted("accepted"), sent("accepted"))))
    owner.results._write_all()

    assert owner.results.states() == {"accepted": 2, "unfinished": 1}
    assert logged(caplog, "deliveries_not_written") == [("ERROR", {"count": 3}, True)]
    assert logged(caplog, "delivery_not_finished") == [("ERROR", {"delivery_id": bad.id}, True)]
    assert [attempt.outcome for attempt in attempts_of(bad)] == [None]  # type: ignore[arg-type]


def test_the_next_instant_is_that_of_the_first_attempt_that_is_due_within_a_minute(owner: Recorded) -> None:
    begun = time.monotonic()
    assert owner.results.next_due_at(begun) == math.inf
    for seconds in (40, 20, 60):
        owner.results._note_due(seconds)
    ended = time.monotonic()

    first = owner.results.next_due_at(begun)
    second = owner.results.next_due_at(first)

    # Never too early, and by less than a twentieth of a second too late.
    assert begun + 20 <= first < ended + 20.05
    assert begun + 40 <= second < ended + 40.05
    assert (first * 20, second * 20) == (round(first * 20), round(second * 20))
    assert owner.results.next_due_at(second) == math.inf


@pytest.mark.parametrize(
    ("result", "outcome", "state"),
    [
        (AttemptResult(Accepted("accepted"), sent("accepted", 200)), "accepted", "accepted"),
        (AttemptResult(RetryAt(clock.now(), "dns"), sent("dns")), "dns", None),
        (AttemptResult(Cancelled("gone"), sent("misconfigured", 404)), "misconfigured", "cancelled"),
        (AttemptResult(RetryAt(clock.now(), "no_address")), "no_address", None),
        (AttemptResult(Postponed(clock.now())), "postponed", None),
        (AttemptResult(Superseded()), "superseded", "superseded"),
        (AttemptResult(Expired("late")), "late", "expired"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_attempts_are_counted_by_kind_and_outcome(
    result: AttemptResult, outcome: str, state: str | None
) -> None:
    first, second, third = lease(3)
    later = [replace(one, attempt_number=2) for one in (second, third)]
    attempts = metrics.DELIVERY_ATTEMPTS.labels(BACKCHANNEL_LOGOUT, outcome)
    finished = [metrics.DELIVERIES_FINISHED.labels(state or "pending", when) for when in ("first", "later")]
    before = [one._value.get() for one in (attempts, *finished)]

    count([(one, result) for one in (first, *later)])

    counted = [one._value.get() - was for one, was in zip((attempts, *finished), before, strict=True)]
    assert counted == ([3, 1, 2] if state else [3, 0, 0])


def record(ended: Sequence[Ended]) -> None:
    with transaction():
        record_results(ended)


def test_the_time_until_an_app_knew_is_observed(turned_clock: TurnedClock) -> None:
    (one,) = lease(1)
    observed = metrics.TIME_TO_NOTIFIED.labels("an-app")
    before = observed._sum.get()
    result = AttemptResult(Accepted("accepted"), sent("accepted", 200, name="an-app"))
    turned_clock.turn(timedelta(seconds=3))
    record([(one, result)])
    # Another host's clock is ahead.
    turned_clock.turn(timedelta(seconds=-60))
    record([(one, result)])

    assert observed._sum.get() == before + 3


@pytest.mark.parametrize(
    ("result", "attempts", "outcome", "status", "reason"),
    [
        (AttemptResult(Cancelled("client_deleted")), 2, None, None, "client_deleted"),
        (AttemptResult(Expired("unavailable")), 2, "unavailable", None, None),
        (AttemptResult(Cancelled("gone"), sent("misconfigured", 404)), 3, "misconfigured", 404, "gone"),
    ],
    ids=["cancelled", "expired", "sent and cancelled"],
)
def test_the_audit_entry_of_what_was_given_up(
    result: AttemptResult, attempts: int, outcome: str | None, status: int | None, reason: str | None
) -> None:
    (one,) = lease(1)
    record([(replace(one, attempt_number=3), result)])

    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag.like("delivery_%"))).one()
    assert (entry.client_id, entry.correlation_id) == ("red", "the click")
    about = {"attempts": attempts, "outcome": outcome, "status": status, "reason": reason}
    assert entry.detail == {"delivery_id": str(one.id)} | about


class Clicks(logging.Handler):
    """Notes of each line of the log to which click it belongs."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.noted.append((record.getMessage(), event_log.correlation_id()))


def test_the_warning_of_an_expired_one_belongs_to_the_click_that_caused_it() -> None:
    (one,) = lease(1)
    clicks, log = Clicks(), logging.getLogger("curfew")
    log.addHandler(clicks)
    try:
        record([(one, AttemptResult(Expired("unavailable")))])
    finally:
        log.removeHandler(clicks)

    assert clicks.noted == [("delivery_expired", "the click")]
