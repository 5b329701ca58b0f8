"""The log and the audit about an endpoint that fails, word for word."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.delivery.degraded import take_to_report
from provider.delivery.models import EndpointHealth
from provider.infrastructure.database import db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.notification.outbox import drain
from provider.logout.notification.watch import report_degraded
from tests.conftest import TurnedClock
from tests.delivery.owing import sign_out_at
from tests.delivery.receivers import Receiver, receiving
from tests.factories import make_client


@pytest.fixture
def red() -> Iterator[Receiver]:
    with receiving(404) as red:
        yield red


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[tuple[str, dict[str, object]]]:
    """Return level and fields of each line about this event."""
    return [(one.levelname, one.fields) for one in caplog.records if one.message == event]  # type: ignore[attr-defined]


def audited(tag: str) -> list[tuple[str, str | None, dict[str, object]]]:
    db.session.commit()
    entries = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == tag))
    return [(one.actor, one.client_id, one.detail) for one in entries]


def is_marked_as_failing() -> bool:
    db.session.commit()
    return bool(db.session.scalars(select(Client.logout_endpoint_failing)).one())


def test_an_endpoint_fails_is_held_reported_and_works_again(
    app: Flask, red: Receiver, turned_clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "curfew")
    begun = turned_clock()
    client = make_client("red", port=red.port)
    assert not is_marked_as_failing()
    sign_out_at(client, count=14)
    drain()

    assert is_marked_as_failing()
    refusing = {"client_id": "red", "outcome": "misconfigured"}
    assert logged(caplog, "endpoint_refusing") == [("WARNING", refusing)]
    assert audited("endpoint_refusing") == [("system", "red", {"outcome": "misconfigured"})]
    [(level, held)] = logged(caplog, "endpoint_held")
    until = held.pop("until")
    assert (level, held) == ("WARNING", refusing | {"failures": 10})
    assert begun.isoformat() < str(until) <= (begun + timedelta(minutes=1)).isoformat()

    turned_clock.turn(timedelta(minutes=20))
    report_degraded()
    about = {"failing_since": begun.isoformat(), "outcome": "misconfigured", "waiting": 14}
    assert logged(caplog, "endpoint_degraded") == [("WARNING", {"client_id": "red"} | about)]
    assert audited("endpoint_degraded") == [("system", "red", about)]

    reported = turned_clock().isoformat()
    red.statuses = [200]
    drain()
    assert not is_marked_as_failing()
    assert logged(caplog, "endpoint_released") == [("INFO", {"client_id": "red"})]
    recovered = {"degraded_since": reported}
    assert logged(caplog, "endpoint_recovered") == [("INFO", {"client_id": "red"} | recovered)]
    assert audited("endpoint_recovered") == [("system", "red", recovered)]


@pytest.mark.parametrize(("failures", "reported"), [(2, False), (3, True)], ids=["two", "three"])
def test_it_takes_three_failures_in_a_row(
    app: Flask, turned_clock: TurnedClock, failures: int, reported: bool
) -> None:
    begun, after = turned_clock(), timedelta(minutes=15)
    client = make_client("red")
    with transaction():
        row = EndpointHealth(
            kind=BACKCHANNEL_LOGOUT,
            recipient_id=client.id,
            failing_since=begun,
            consecutive_failures=failures,
        )
        db.session.add(row)
    now = turned_clock.turn(after)

    with transaction():
        assert take_to_report("weather", now, after) == []
        assert [one.recipient_id for one in take_to_report(BACKCHANNEL_LOGOUT, now, after)] == [
            client.id
        ] * reported
    with transaction():
        assert take_to_report(BACKCHANNEL_LOGOUT, now, after) == []
    assert (row.degraded_since, row.told_at) == ((now, now) if reported else (None, None))
