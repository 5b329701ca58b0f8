"""Permits of a lease, by the limits and the breakers; none is lost (DLV-13, DLV-14)."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask

from provider.delivery.admission import Admission
from provider.delivery.health import Health
from provider.delivery.limiter import Limiter, Limits
from provider.delivery.selection import DueDelivery
from provider.infrastructure.database import transaction
from provider.logout.notice import recipient_of
from provider.logout.notification.outbox import announce_transition, find_current_urls
from tests.conftest import TurnedClock
from tests.delivery.health_rows import open_breaker
from tests.delivery.limiters import prove
from tests.factories import make_client

LIMITS = Limits(endpoint_concurrency=9, endpoint_rate=99, address_concurrency=9, address_rate=99)


@pytest.fixture
def limiter() -> Limiter:
    return Limiter(LIMITS, slots=9, permits=9)


@pytest.fixture
def health(app: Flask, limiter: Limiter) -> Health:
    return Health("this worker", limiter, announce_transition, find_current_urls)


def due(client_id: UUID | None = None) -> DueDelivery:
    return DueDelivery(uuid4(), recipient_of(client_id or uuid4()), priority=1)


def test_a_permit_that_is_not_handed_over_is_released(limiter: Limiter, health: Health) -> None:
    with Admission(limiter, health) as admission:
        sent, kept = admission.admit(due()), admission.admit(due())
        assert sent
        assert kept
        admission.hand_over([sent])

    assert limiter.in_flight == 1
    sent.release(True)
    assert limiter.in_flight == 0


def test_an_error_releases_every_permit(limiter: Limiter, health: Health) -> None:
    def fail() -> None:
        with Admission(limiter, health) as admission:
            assert admission.admit(due())
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert limiter.in_flight == 0


def test_a_permit_that_was_not_used_leaves_no_trace_at_its_endpoint(limiter: Limiter, health: Health) -> None:
    red = due()
    for _ in range(2):
        with Admission(limiter, health) as admission:
            assert admission.admit(red)

    assert limiter.is_quiet(red.recipient)


def test_a_delivery_beyond_the_limits_waits_for_them(limiter: Limiter, health: Health) -> None:
    red = due()
    with Admission(limiter, health) as admission:
        assert admission.admit(red)
        assert not admission.is_limited
        # An endpoint that has not proved itself gets one at a time.
        assert admission.admit(red) is None
        assert admission.is_limited


@pytest.mark.parametrize(
    ("holder", "seconds", "is_admitted"),
    [
        pytest.param(None, 60, False, id="its breaker is open"),
        pytest.param(None, -1, True, id="a trial is due"),
        pytest.param("another", 60, False, id="another worker tries it"),
        pytest.param("another", -1, True, id="another worker has given up its trial"),
        pytest.param("this worker", 60, True, id="this worker tries it"),
    ],
)
def test_a_breaker_holds_what_the_limits_would_let_start(
    limiter: Limiter,
    health: Health,
    turned_clock: TurnedClock,
    holder: str | None,
    seconds: int,
    is_admitted: bool,
) -> None:
    red = make_client("red")
    open_breaker(red, holder, turned_clock() + timedelta(seconds=seconds))
    health.refresh()

    with transaction(), Admission(limiter, health) as admission:
        permit = admission.admit(due(red.id))

    assert (permit is not None) == is_admitted
    assert not admission.is_limited


def test_the_apps_of_one_registrant_wait_for_one_another(limiter: Limiter, health: Health) -> None:
    first, second = (DueDelivery(uuid4(), recipient_of(uuid4()), 1, "network:192.0.2.1") for _ in range(2))
    with Admission(limiter, health) as admission:
        permit = admission.admit(first)
        assert permit
        assert (permit.flow, permit.priority) == ("network:192.0.2.1", 1)
        assert admission.admit(second) is None
        assert admission.is_limited


def test_an_urgent_delivery_is_admitted_beyond_the_others(limiter: Limiter, health: Health) -> None:
    apps = [due() for _ in range(10)]
    for one in apps:
        prove(limiter, one.recipient)
    with Admission(limiter, health) as admission:
        assert all(admission.admit(one) for one in apps[:9])
        assert admission.admit(apps[9]) is None

        urgent = admission.admit(DueDelivery(uuid4(), apps[9].recipient, 0))

        assert urgent
        assert urgent.priority == 0
