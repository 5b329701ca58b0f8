"""The traces of a delivery's attempts: the row, a row for each attempt, the audit entry and the log."""

import logging
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure import event_log
from provider.infrastructure.database import db
from provider.logout.notification.outbox import drain
from tests.conftest import TurnedClock
from tests.delivery.owing import attempts_of, notice_of, now_is, owe
from tests.delivery.receivers import receiving


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    return [line.fields for line in caplog.records if line.message == event]  # type: ignore[attr-defined]


def test_a_failed_attempt_and_the_accepted_one_after_it(
    app: Flask, turned_clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "curfew")
    begun = turned_clock()
    with receiving(503, 200) as red:
        url = f"http://127.0.0.1:{red.port}/backchannel-logout"
        with event_log.correlated("the click"):
            delivery = owe(port=red.port)
        drain()
        failed, again = now_is(delivery), now_is(delivery).next_attempt_at
        assert (failed.state, failed.attempt_count, failed.refusals) == ("pending", 1, 0)
        assert (failed.last_outcome, failed.last_status, failed.last_url) == ("unavailable", 503, url)
        assert (failed.first_attempt_at, failed.finished_at) == (begun, None)
        assert (failed.leased_until, failed.lease_token, failed.unfinished_attempts) == (None, None, 0)
        turned_clock.turn(timedelta(hours=1))
        drain()

    done = now_is(delivery)
    assert (done.state, done.attempt_count, done.last_outcome, done.last_status) == (
        "accepted",
        2,
        "accepted",
        200,
    )
    assert (done.first_attempt_at, done.finished_at) == (begun, turned_clock())
    first, second = attempts_of(delivery)
    assert (first.number, first.outcome, first.status, first.url) == (1, "unavailable", 503, url)
    assert (first.started_at, first.finished_at, first.latency_ms) == (begun, begun, 0)
    assert (second.number, second.outcome, second.status) == (2, "accepted", 200)
    assert (second.started_at, second.finished_at) == (turned_clock(), turned_clock())
    about = {
        "kind": "backchannel_logout",
        "delivery_id": delivery.id,
        "cause_id": delivery.cause_id,
        "client_id": "red",
        "latency_ms": 0,
    }
    assert logged(caplog, "delivery_attempted") == [
        about
        | {"attempt": 1, "outcome": "unavailable", "state": "pending", "status": 503}
        | {"next_attempt_at": again.isoformat()},
        about
        | {"attempt": 2, "outcome": "accepted", "state": "accepted", "status": 200}
        | {"next_attempt_at": None},
    ]
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "delivery_accepted")).one()
    assert (entry.actor, entry.client_id, entry.correlation_id) == ("system", "red", "the click")
    original = notice_of(delivery)
    assert (entry.account_id, entry.session_id) == (original.account_id, original.session_id)
    assert entry.logout_id == delivery.cause_id
    assert entry.detail == {
        "delivery_id": str(delivery.id),
        "attempts": 2,
        "outcome": "accepted",
        "status": 200,
        "reason": None,
    }
