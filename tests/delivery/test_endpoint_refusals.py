"""The endpoints that count as failing or refusing, and how they are reported (DLV-14, DLV-15)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.config import Settings
from provider.delivery.models import BreakerState, EndpointHealth
from provider.infrastructure.database import db
from provider.logout.notification.outbox import drain
from provider.logout.notification.watch import report_degraded
from tests.conftest import TurnedClock
from tests.delivery.held import health, hold, states_of
from tests.delivery.owing import owe, sign_out_at
from tests.delivery.receivers import Receiver, receiving
from tests.factories import make_account, make_client


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Waits that are over when the breaker allows a trial, and many of them."""
    return replace(settings, delivery_schedule=(timedelta(seconds=10),) * 40)


@pytest.fixture(autouse=True)
def standing_clock(turned_clock: TurnedClock) -> None:
    """No retry falls due by itself, however slow the machine is."""


@pytest.fixture
def red() -> Iterator[Receiver]:
    with receiving(503) as red:
        yield red


@pytest.mark.parametrize("status", [302, 400, 403, 404])
def test_an_endpoint_that_refuses_everything_does_not_work(app: Flask, status: int) -> None:
    with receiving(status) as red:
        owed = sign_out_at(make_client("red", port=red.port), count=14)
        drain()

    assert len(red.received) == 10
    assert (health().state, health().is_refusing) == (BreakerState.OPEN, True)
    assert health().failing_since is not None
    assert states_of(owed) == [("pending", 0)] * 4 + [("pending", 1)] * 10
    assert tags() == ["endpoint_refusing"]


def test_an_endpoint_that_refused_once_refuses_nothing_yet(app: Flask) -> None:
    with receiving(404, 200, 404) as red:
        client = make_client("red", port=red.port)
        for name in ("ada", "ben", "cleo"):
            sign_out_at(client, account=make_account(name))
            drain()

    assert len(red.received) == 3
    assert (health().is_refusing, health().refusals) == (False, 1)
    assert tags() == []


def test_a_healthy_endpoint_has_no_row(app: Flask) -> None:
    with receiving(200) as red:
        sign_out_at(make_client("red", port=red.port), count=14)
        drain()

    assert db.session.scalars(select(EndpointHealth)).all() == []


def test_long_failure_is_reported_once_a_day_and_so_is_its_end(
    app: Flask, red: Receiver, turned_clock: TurnedClock
) -> None:
    hold(red)
    report_degraded()
    assert tags() == []

    turned_clock.turn(timedelta(minutes=15))
    for _ in range(2):
        report_degraded()
    assert tags() == ["endpoint_degraded"]
    turned_clock.turn(timedelta(days=1))
    report_degraded()
    assert tags() == ["endpoint_degraded"] * 2

    red.statuses = [200]
    drain()
    assert tags() == ["endpoint_degraded"] * 2 + ["endpoint_recovered"]
    assert health().degraded_since is None


def test_one_failure_of_one_delivery_is_no_failure_of_the_endpoint(
    app: Flask, red: Receiver, turned_clock: TurnedClock
) -> None:
    owe(port=red.port)
    drain()

    turned_clock.turn(timedelta(hours=1))
    report_degraded()

    assert tags() == []


def tags() -> list[str]:
    found = select(AuditEvent.tag).where(AuditEvent.tag.like("endpoint_%"))
    return list(db.session.scalars(found.order_by(AuditEvent.at, AuditEvent.id)))
