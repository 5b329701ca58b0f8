"""A machine on which a client publishes its keys."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class Published:
    """The published keys, and who asked for them; without a body the machine is out of order."""

    def __init__(self, document: object) -> None:
        self.body = json.dumps(document).encode()
        self.asked: list[str] = []
        self.uri = ""
        self._answers = Event()
        self._answers.set()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Take requests meanwhile, and answer none of them."""
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()

    def wait(self) -> None:
        """Wait until requests are answered."""
        self._answers.wait()

    def publish(self, document: object) -> None:
        self.body = json.dumps(document).encode()


@contextmanager
def published(document: object) -> Iterator[Published]:
    """Publish a JSON document at its `uri`, on loopback."""
    what = Published(document)

    class Machine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            what.asked.append(self.path)
            what.wait()
            self.send_response(200 if what.body else 503)
            self.send_header("Content-Length", str(len(what.body)))
            with suppress(OSError):
                self.end_headers()
                self.wfile.write(what.body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Machine)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    what.uri = f"http://127.0.0.1:{server.server_port}/jwks"
    try:
        yield what
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
