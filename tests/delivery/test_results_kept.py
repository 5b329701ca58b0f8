"""Results while the database is away or the worker stops, and the click that their log belongs to."""

import logging
import threading

import pytest

from provider.delivery import results
from provider.delivery.attempt import AttemptResult
from provider.delivery.judge import Accepted
from provider.delivery.results import Results
from provider.infrastructure import event_log
from tests.delivery.recorded import Recorded, lease, logged, sent
from tests.support.losing_database import database_lost_once
from tests.support.waiting import wait_until

# How each batch of results begins.
READ_LEASES = "SELECT delivery.id, delivery.lease_token"
ACCEPTED = AttemptResult(Accepted("accepted"), sent("accepted", 200))


def test_what_was_not_written_while_the_database_was_away_is_written_later(
    owner: Recorded, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_PAUSE_AFTER_TROUBLE", 0.01)
    (one,) = lease(1)

    with database_lost_once("unreachable", at=READ_LEASES):
        owner.results.add(one, ACCEPTED)
        wait_until(lambda: not owner.results.is_busy)

    assert (owner.results.states(), owner.final) == ({"accepted": 1}, [one])
    [(_, fields, _)] = logged(caplog, "deliveries_not_written")
    assert fields["count"] == 1


def test_a_worker_that_stops_does_not_wait_for_a_database_that_is_away(
    owner: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_PAUSE_AFTER_TROUBLE", 0.01)
    (one,) = lease(1)
    lock = threading.Lock()
    stopping = Results(owner._record, lock, lambda: None)
    closing = threading.Thread(target=stopping.close)

    with database_lost_once("unreachable", at=READ_LEASES):
        with lock:
            stopping.add(one, ACCEPTED)
            closing.start()
            wait_until(lambda: stopping._is_closing)
        closing.join()

    assert (stopping.states(), stopping.unwritten) == ({}, 1)


def test_the_log_of_an_attempt_belongs_to_the_click_that_caused_it(owner: Recorded) -> None:
    (one,) = lease(1)
    clicks: list[tuple[str, str]] = []
    log, noting = logging.getLogger("curfew"), logging.Handler(logging.INFO)

    def note(line: logging.LogRecord) -> None:
        clicks.append((line.getMessage(), event_log.correlation_id()))

    noting.emit = note  # type: ignore[method-assign]
    log.addHandler(noting)
    try:
        owner.results.add(one, ACCEPTED)
        owner.results.close()
    finally:
        log.removeHandler(noting)

    assert ("delivery_attempted", "the click") in clicks
