"""A sender and one job: it attempts it or not, releases its permit, wakes the dispatcher (DLV-13)."""

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask

from provider.delivery.attempt import AttemptResult
from provider.delivery.job_queue import Job
from provider.delivery.judge import Postponed
from provider.delivery.limiter import QUICK
from provider.delivery.outgoing import LeasedDelivery, Prepared, Superseded, form
from provider.delivery.permit import Permit
from provider.delivery.recipient import Recipient
from provider.delivery.throttle import OriginThrottle
from provider.infrastructure import clock, event_log
from tests.conftest import TurnedClock
from tests.delivery.receivers import receiving
from tests.delivery.recorded import lease
from tests.delivery.test_attempt import logged, request_to
from tests.delivery.test_start import Worker
from tests.support.waiting import wait_until

MANY = 100


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


@pytest.fixture
def worker(app: Flask) -> Iterator[Worker]:
    worker = Worker(permits=MANY)
    yield worker
    worker.close()


def permit_for(worker: Worker, recipient: Recipient, registrant: str | None = None) -> Permit:
    permit = worker.limiter.take(recipient, 0.0, registrant=registrant)
    assert permit
    return permit


def begin(worker: Worker, one: LeasedDelivery, prepared: Prepared, registrant: str | None = None) -> Job:
    job = Job(one, prepared, permit_for(worker, one.recipient, registrant))
    worker.sender.start([job])
    return job


def ended(worker: Worker) -> list[tuple[LeasedDelivery, AttemptResult | None]]:
    """Return what has ended, when all has."""
    worker.sender.close()
    assert not worker.sender.is_idle
    found = list(worker.sender.collect())
    assert worker.sender.is_idle
    return found


@pytest.mark.parametrize("registrant", [None, "network:192.0.2.1"])
def test_a_response_releases_the_permit_and_tells_the_limits_where_it_came_from(
    worker: Worker, registrant: str | None
) -> None:
    (one,) = lease(1)
    with receiving(200) as red:
        begin(worker, one, request_to(red.url), registrant)
        [(leased, result)] = ended(worker)
        origin = f"http://127.0.0.1:{red.port}"

    assert leased is one
    assert result
    assert result.has_succeeded
    endpoint = worker.limiter._endpoints[one.recipient]
    assert (endpoint.in_flight, endpoint.stage) == (0, 1)
    # Apps that registered themselves share the limits of an address, those of the operator of an origin.
    assert endpoint.address == (origin if registrant is None else "127.0.0.1")


def test_an_app_that_asks_for_fewer_requests_is_given_room(worker: Worker) -> None:
    (one,) = lease(1)
    with receiving(429) as red:
        red.response_headers["Retry-After"] = "7"
        begin(worker, one, request_to(red.url), None)
        begun = time.monotonic()
        ended(worker)

    assert begun < worker.limiter._endpoints[one.recipient].paused_until <= time.monotonic() + 7
    [origin] = worker.limiter._addresses.values()
    assert isinstance(origin, OriginThrottle)
    assert origin.learned.share == 0.5


def test_an_attempt_belongs_to_the_click_that_caused_it(worker: Worker) -> None:
    (one,) = lease(1)
    assert (one.attempt_number, one.try_number) == (1, 1)
    clicks: list[str] = []
    with receiving(200) as red:
        send = form(red.url, {})

        def noting(*arguments: object) -> object:
            clicks.append(event_log.correlation_id())
            return send(*arguments)  # type: ignore[arg-type]

        begin(worker, one, request_to(red.url, send=noting))
        ended(worker)

    assert clicks == ["the click"]


@pytest.mark.parametrize("is_closing", [True, False], ids=["the worker closes", "its app is silent"])
def test_what_need_not_be_sent_now_is_put_off(worker: Worker, is_closing: bool) -> None:
    (one,) = lease(1)
    with receiving(200) as red:
        if is_closing:
            worker.wake_up.close()
        else:
            worker.sender._jobs._silent.add(one.recipient)
        begin(worker, one, request_to(red.url))
        [(_, result)] = ended(worker)

    assert result == AttemptResult(Postponed(clock.now()))
    assert red.received == []


def test_a_fault_of_our_own_is_logged_and_leaves_the_lease_to_run_out(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = lease(1)

    def broken(*_: object) -> object:
        raise LookupError("no such thing")

    begin(worker, one, request_to("https://red.test", send=broken))

    assert ended(worker) == [(one, None)]
    assert logged(caplog, "delivery_not_finished") == [("ERROR", {"delivery_id": one.id}, True)]
    assert worker.results.unwritten == 0


@pytest.mark.parametrize(("under_way", "wakes"), [(8, True), (12, True), (16, False)])
def test_the_dispatcher_is_woken_when_an_eighth_of_what_is_under_way_has_ended(
    worker: Worker, under_way: int, wakes: bool
) -> None:
    (one,) = lease(1)
    for number in range(1, under_way):
        permit_for(worker, Recipient("weather", UUID(int=number)))
    begin(worker, one, Superseded())
    worker.sender.close()

    assert worker.wake_up._event.is_set() is wakes


def test_an_attempt_without_a_response_gives_its_slot_to_another(worker: Worker) -> None:
    (one,) = lease(1)
    with receiving(200) as red:
        red.may_answer.clear()
        job = begin(worker, one, request_to(red.url))
        wait_until(lambda: red.received)
        job.started_at -= QUICK

        assert worker.sender.replace_stalled() is True
        assert worker.sender.replace_stalled() is False
        assert job.permit.is_stalled
        red.may_answer.set()
        ended(worker)
