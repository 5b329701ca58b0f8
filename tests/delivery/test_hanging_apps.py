"""Apps that responded first and then hang delay no other app (DLV-13): real servers, a real dispatcher."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import pytest
from flask import Flask

from provider.clients.models import Client
from provider.delivery.dispatch import Dispatcher
from provider.delivery.limiter import QUICK, SLOTS_OF_UNPROVEN
from provider.logout.notification.outbox import make_dispatcher
from tests.delivery.owing import sign_out_at
from tests.factories import make_account, make_client
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.waits

THREADS = 32
# How long a thread is held up at most: until an attempt is stalled and that is noticed.
ROUND = QUICK + 0.05
# Leases, signatures and connections of the attempts themselves. Without the limits it was 49 s and 72 s.
NOISE = 1.5


class Stopwatch:
    """Seconds that this process was given: it stands still while a busy machine runs others instead."""

    TICK = 0.01

    def __init__(self) -> None:
        self._ticks = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self.TICK):
            self._ticks += 1

    def seconds(self) -> float:
        return self._ticks * self.TICK


class Apps:
    """Apps at loopback addresses of their own; those that hang take requests and do not answer."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch
        self.hangs = threading.Event()
        self.may_answer = threading.Event()
        # When each address was called.
        self.called: dict[str, list[float]] = {}
        apps = self

        class Endpoint(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                address = self.connection.getsockname()[0]
                apps.called.setdefault(address, []).append(apps.stopwatch.seconds())
                if apps.hangs.is_set() and address.startswith("127.0.1."):
                    apps.may_answer.wait(PATIENCE)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                try:
                    self.end_headers()
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 500
            daemon_threads = True

        self.server = Server(("0.0.0.0", 0), Endpoint)
        self.port = self.server.server_address[1]

    def client(self, name: str, address: str, **settings: object) -> Client:
        uri = f"http://{address}:{self.port}/logout"
        return make_client(name, backchannel_logout_uri=uri, first_party=False, settings=settings)

    def last_called(self, address: str) -> float:
        return self.called[address][-1]


@contextmanager
def running() -> Iterator[Apps]:
    with Stopwatch() as stopwatch:
        apps = Apps(stopwatch)
        thread = threading.Thread(target=apps.server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield apps
        finally:
            apps.may_answer.set()
            apps.server.shutdown()
            apps.server.server_close()
            thread.join()


@pytest.fixture
def dispatcher(app: Flask) -> Iterator[Dispatcher]:
    dispatcher = make_dispatcher(THREADS)
    dispatcher.start()
    yield dispatcher
    dispatcher.close()


def of_operator(apps: Apps, number: int) -> Client:
    return apps.client(f"hanging-{number}", f"127.0.1.{number}")


def of_one_registrant(apps: Apps, number: int) -> Client:
    registrant = {"self_registered": True, "registrant": "network:192.0.2.1"}
    return apps.client(f"hanging-{number}", f"127.0.1.{number}", **registrant)


def of_many_registrants(apps: Apps, number: int) -> Client:
    registrant = {"self_registered": True, "registrant": f"network:192.0.2.{number}"}
    return apps.client(f"hanging-{number}", f"127.0.1.{number}", **registrant)


@pytest.mark.parametrize("known_before", [True, False], ids=["they answered first", "never seen before"])
@pytest.mark.parametrize(
    ("database_url", "count", "kind"),
    [
        pytest.param("sqlite", 40, of_operator, id="sqlite-40 of the operator"),
        pytest.param("postgresql", 40, of_operator, id="postgresql-40 of the operator"),
        # Who may have which of the threads is decided in the process's memory.
        pytest.param("sqlite", 100, of_operator, id="100 of the operator"),
        pytest.param("sqlite", 100, of_one_registrant, id="100 of one registrant"),
        pytest.param("sqlite", 100, of_many_registrants, id="100 of as many registrants"),
    ],
    indirect=["database_url"],
)
def test_unconcerned_apps_are_notified_at_once(
    app: Flask, dispatcher: Dispatcher, count: int, kind, known_before: bool
) -> None:
    with running() as apps:
        hanging = [kind(apps, number) for number in range(1, count + 1)]
        operators = apps.client("operators", "127.0.2.1")
        theirs = apps.client("theirs", "127.0.2.2", self_registered=True, registrant="network:198.51.100.1")
        if known_before:
            # Enough for each to come up the ramp some way.
            sign_out_at(*hanging, operators, theirs, account=make_account("cleo"), count=3)
            dispatcher.wake()
            wait_until(lambda: sum(map(len, apps.called.values())) == 3 * (count + 2))
        apps.hangs.set()
        before = sum(map(len, apps.called.values()))
        # Each of them has more to come than one attempt.
        sign_out_at(*hanging, account=make_account("ada"), count=4)
        dispatcher.wake()
        wait_until(lambda: sum(map(len, apps.called.values())) > before)

        sign_out_at(operators, theirs, account=make_account("ben"))
        owed_at = apps.stopwatch.seconds()
        dispatcher.wake()
        calls = 4 if known_before else 1
        wait_until(lambda: all(len(apps.called.get(a, ())) == calls for a in ("127.0.2.1", "127.0.2.2")))

        late = [apps.last_called(address) - owed_at for address in ("127.0.2.1", "127.0.2.2")]
        # Apps of which nothing is known yet share half of the threads.
        rounds = math.ceil(count / (THREADS if known_before else THREADS * SLOTS_OF_UNPROVEN))
        assert max(late) < rounds * ROUND + NOISE
        apps.may_answer.set()
