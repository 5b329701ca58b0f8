"""The broker only wakes: gone, frozen, flushed or forged, it costs one sweep at most (FLT-04, FLT-36)."""

import json
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.opaque_tokens import new_id
from provider.infrastructure.task_queue import QUEUE, WakeUps
from tests.delivery.owing import now_is, owe, sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client
from tests.faults.conftest import Broker, Worker
from tests.support.waiting import least_seconds, wait_until

# What the broker does is the same on every database.
pytestmark = [pytest.mark.processes, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
StartWorker = Callable[..., Worker]
# Only a wake-up can be quicker than this.
NO_SWEEP = timedelta(minutes=10)


def is_accepted(delivery: Delivery) -> bool:
    return now_is(delivery).state == DeliveryState.ACCEPTED


def seconds_for(send: Callable[[], bool]) -> tuple[bool, float]:
    started = time.monotonic()
    return send(), time.monotonic() - started


def test_a_wake_up_wakes_a_worker(app: Flask, broker: Broker, start_worker: StartWorker) -> None:
    worker = start_worker(sweep_interval=NO_SWEEP)
    with receiving(200) as red:
        delivery = owe(port=red.port)
        wait_until(lambda: is_accepted(delivery))

    # It is logged once it is recorded.
    [logged] = wait_until(lambda: worker.events("delivery_attempted"))
    assert (logged["client_id"], logged["outcome"], logged["attempt"]) == ("red", "accepted", 1)
    assert red.received[0].token not in worker.log.read_text()


def test_one_correlation_id_leads_from_the_click_to_the_attempt(
    app: Flask, broker: Broker, start_worker: StartWorker
) -> None:
    from provider.infrastructure import event_log

    worker = start_worker()
    with receiving(200) as red, event_log.correlated("from-the-click"):
        delivery = owe(port=red.port)
        wait_until(lambda: is_accepted(delivery))

    assert wait_until(lambda: worker.events("delivery_attempted"))[0]["correlation_id"] == "from-the-click"


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "dead"])
def test_no_request_waits_for_an_absent_broker(app: Flask, broker: Broker, fault: signal.Signals) -> None:
    wake_ups = WakeUps(broker.url)
    assert wake_ups.send("first") is True

    broker.signal(fault)
    sent, once = seconds_for(lambda: wake_ups.send("second"))

    assert sent is False
    # The wait of a second that is allowed, and not the minutes of TCP.
    assert once < 10
    assert least_seconds(lambda: wake_ups.send("third")) < 0.05
    assert wake_ups.send("fourth") is False


def test_without_a_broker_url_no_wake_up_is_sent(app: Flask) -> None:
    assert WakeUps("").send("anything") is False


def test_a_dead_broker_delays_by_one_sweep(app: Flask, broker: Broker, start_worker: StartWorker) -> None:
    start_worker()
    broker.kill()
    with receiving(200) as red:
        delivery = owe(port=red.port)
        wait_until(lambda: is_accepted(delivery))


def test_a_worker_starts_and_stops_without_its_broker(
    app: Flask, broker: Broker, start_worker: StartWorker
) -> None:
    broker.kill()
    worker = start_worker()
    with receiving(200) as red:
        delivery = owe(port=red.port)
        wait_until(lambda: is_accepted(delivery))

    worker.process.terminate()
    wait_until(lambda: worker.process.poll() is not None)


@pytest.mark.long
def test_a_worker_is_woken_again_when_the_broker_is_back(
    app: Flask, broker: Broker, start_worker: StartWorker
) -> None:
    worker = start_worker(sweep_interval=NO_SWEEP)
    with receiving(200) as red:
        client = make_client("red", port=red.port)
        ada = make_account("ada")
        [first] = sign_out_at(client, account=ada)
        wait_until(lambda: is_accepted(first))

        broker.kill()
        wait_until(lambda: "Trying again" in worker.log.read_text())
        broker.start()
        [second] = sign_out_at(client, account=ada)
        wait_until(lambda: _ring_until_accepted(broker, second))

    assert worker.process.poll() is None


def test_a_flushed_broker_loses_nothing(app: Flask, broker: Broker, start_worker: StartWorker) -> None:
    with receiving(200) as red:
        # No worker listens yet: the message lies in the broker and is flushed away.
        delivery = owe(port=red.port)
        client = broker.server.client()
        assert client.llen(QUEUE) == 1
        client.flushall()
        client.close()

        start_worker()
        wait_until(lambda: is_accepted(delivery))

    assert len(red.received) == 1


def test_forged_messages_start_nothing(app: Flask, broker: Broker, start_worker: StartWorker) -> None:
    worker = start_worker(sweep_interval=NO_SWEEP)
    wake_ups = WakeUps(broker.url)
    # One that looks right makes the worker look, where it finds nothing.
    assert wake_ups.send(str(new_id())) is True
    forged = ["no id at all", "x" * 1_000_000, "", "../../etc/passwd"]
    for logout_id in forged:
        assert wake_ups.send(logout_id) is True

    wait_until(lambda: len(worker.events("wake_up_ignored")) == len(forged))

    assert worker.events("delivery_attempted") == []
    assert "passwd" not in json.dumps(worker.events("wake_up_ignored"))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\x80\x04\x95 pickle", id="raw bytes", marks=pytest.mark.long),
        pytest.param(b"not json", id="text", marks=pytest.mark.long),
        pytest.param(b"{}", id="an envelope without anything", marks=pytest.mark.long),
        pytest.param(b"[1, 2]", id="a list", marks=pytest.mark.long),
        pytest.param(
            json.dumps(
                {
                    "body": "gASVJgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAt0b3VjaCAvdG1wL3iUhZRSlC4=",
                    "content-type": "application/x-python-serialize",
                    "content-encoding": "binary",
                    "headers": {"task": "curfew.deliver", "id": "1"},
                    "properties": {
                        "delivery_tag": "1",
                        "delivery_info": {"exchange": "", "routing_key": QUEUE},
                        "body_encoding": "base64",
                    },
                }
            ).encode(),
            id="a pickle",
        ),
    ],
)
def test_a_message_that_is_none_stops_no_delivery(
    app: Flask, broker: Broker, start_worker: StartWorker, message: bytes
) -> None:
    worker = start_worker()
    client = broker.server.client()
    client.lpush(QUEUE, message)
    wait_until(lambda: client.llen(QUEUE) == 0)
    client.close()

    with receiving(200) as red:
        delivery = owe(port=red.port)
        wait_until(lambda: is_accepted(delivery))

    assert worker.process.poll() is None, worker.log.read_text()


def test_a_worker_listens_again_after_a_message_that_was_none(
    app: Flask, broker: Broker, start_worker: StartWorker
) -> None:
    worker = start_worker(sweep_interval=NO_SWEEP)
    client = broker.server.client()
    client.lpush(QUEUE, b"not json")
    client.close()
    wait_until(lambda: worker.events("celery_ended"))

    with receiving(200) as red:
        delivery = owe(port=red.port)
        wait_until(lambda: _ring_until_accepted(broker, delivery))

    assert worker.terminate() == 0


def _ring_until_accepted(broker: Broker, delivery: Delivery) -> bool:
    WakeUps(broker.url).send(str(delivery.cause_id))
    return is_accepted(delivery)
