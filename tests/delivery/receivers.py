"""Real HTTP servers in the place of relying parties: they note requests and respond as instructed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from tests.support.waiting import PATIENCE


@dataclass
class Received:
    """One request as it arrived."""

    delivery: str
    attempt: str
    form: dict[str, list[str]]
    headers: dict[str, str]

    @property
    def token(self) -> str:
        return self.form["logout_token"][0]


@dataclass
class Receiver:
    """A relying party's back-channel endpoint."""

    url: str = ""
    port: int = 0
    # Answered in turn; the last one stands for all that follow.
    statuses: list[int] = field(default_factory=lambda: [200])
    response_headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    answered: int = 0
    # While it is not set, requests are received and not answered.
    may_answer: threading.Event = field(default_factory=threading.Event)

    def next_status(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def receiving(*statuses: int, port: int = 0) -> Iterator[Receiver]:
    """Run a receiver on a loopback port."""
    receiver = Receiver(statuses=list(statuses) or [200])
    receiver.may_answer.set()
    server = ThreadingHTTPServer(("127.0.0.1", port), _endpoint(receiver))
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/logout"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _endpoint(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            receiver.received.append(
                Received(
                    delivery=self.headers.get("Curfew-Delivery", ""),
                    attempt=self.headers.get("Curfew-Attempt", ""),
                    form=parse_qs(body.decode()),
                    headers=dict(self.headers),
                )
            )
            receiver.may_answer.wait(PATIENCE)
            try:
                self.send_response(receiver.next_status())
                for name, value in receiver.response_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.answered += 1
            except OSError:
                # The caller is gone, which is what some tests are about.
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Endpoint
