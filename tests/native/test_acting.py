"""A job that calls another service for a person: when it ends, and how many run."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from curfew_rp import ProviderKeys
from relying_party_demo.protected_api.acting import WATCHES_KEPT, Acting, ExchangeRefused, TooManyWatches
from relying_party_demo.protected_api.config import ProtectedAPIConfig
from tests.support.waiting import wait_until


class Others(ThreadingHTTPServer):
    """The provider and the called service in one; the last of `statuses` is answered for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses = [200]
        self.exchange = {"access_token": "a token", "token_type": "DPoP"}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/.well-known/openid-configuration":
            self._send(200, {"issuer": self.server.url, "token_endpoint": f"{self.server.url}/token"})
        else:
            statuses = self.server.statuses
            self._send(statuses.pop(0) if len(statuses) > 1 else statuses[0], {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        exchange = self.server.exchange
        self._send(400 if "error" in exchange else 200, exchange)

    def _send(self, status: int, document: dict) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def others():
    with Others() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def acting(others):
    config = ProtectedAPIConfig(
        name="bank",
        issuer=others.url,
        client_id="bank",
        client_secret="secret",
        base_url="http://localhost:1",
        calls=others.url,
        watch_every=timedelta(milliseconds=10),
    )
    acting = Acting(config, ProviderKeys(others.url))
    yield acting
    acting.close()


def test_a_job_outlives_faults_of_the_service_and_ends_when_it_is_refused(acting, others):
    others.statuses = [200, 503, 500, 200, 401]

    watch = acting.begin_watch("a token", "ada")

    wait_until(lambda: watch.ended_at)
    assert (watch.calls, watch.reason, watch.token) == (2, "refused with 401", "")


def test_the_number_of_jobs_is_bounded(acting, others):
    for _ in range(WATCHES_KEPT):
        acting.begin_watch("a token", "ada")

    with pytest.raises(TooManyWatches):
        acting.begin_watch("a token", "ada")

    others.statuses = [401]
    wait_until(lambda: all(watch.ended_at for watch in acting.list_watches()))
    others.statuses = [200]
    wait_until(lambda: begins(acting))


def test_a_refused_exchange_takes_no_place(acting, others):
    others.exchange = {"error": "invalid_target"}
    for _ in range(WATCHES_KEPT + 1):
        with pytest.raises(ExchangeRefused, match="invalid_target"):
            acting.begin_watch("a token", "ada")


def begins(acting: Acting) -> bool:
    """The last job's thread may need a moment after its end."""
    try:
        acting.begin_watch("a token", "ada")
    except TooManyWatches:
        return False
    return True
