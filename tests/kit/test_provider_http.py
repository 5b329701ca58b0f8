"""A response of the provider is waited for so long and no longer, however slowly it comes."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from curfew_rp import ProviderKeys, ProviderUnreachable, provider_http
from curfew_rp.provider_keys import get_document
from curfew_rp.resource_server import Introspection

HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


class SlowServer:
    """Sends one byte after another, from the beginning of the response or of its body."""

    def __init__(self, at_once: bytes) -> None:
        self._at_once = at_once
        self._left = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(self._at_once)
            rest = HEADER if not self._at_once else b" "
            for byte in itertools.cycle(rest):
                if self._left.wait(0.01):
                    return
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    return

    def stop(self) -> None:
        self._left.set()
        self._listening.close()
        self._thread.join()


@pytest.fixture(params=[b"", HEADER], ids=["a slow header", "a slow body"])
def slow_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowServer]:
    monkeypatch.setattr(provider_http, "DEADLINE_SECONDS", 0.3)
    server = SlowServer(request.param)
    yield server
    server.stop()


def test_a_document_is_not_waited_for_beyond_the_deadline(slow_server):
    began = time.monotonic()

    with pytest.raises(ProviderUnreachable):
        get_document(f"{slow_server.url}/jwks")

    assert time.monotonic() - began < 60


def test_introspection_is_not_waited_for_beyond_the_deadline(slow_server, provider):
    provider.bend["/.well-known/openid-configuration"] = {
        "issuer": provider.issuer,
        "introspection_endpoint": f"{slow_server.url}/introspect",
    }
    mode = Introspection(ProviderKeys(provider.issuer), client_id="api", client_secret="secret")
    began = time.monotonic()

    with pytest.raises(ProviderUnreachable):
        mode.look_at("opaque")

    mode.close()
    assert time.monotonic() - began < 60
