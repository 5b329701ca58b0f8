"""The redirect addresses of clients without a server of their own, and what was delivered to them."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.support.waiting import wait_until

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript"}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One request that arrived."""

    path: str
    form: dict[str, str]


class Landing:
    """A small HTTP server: it shows the files that it was given, greets otherwise, and remembers."""

    def __init__(self, files: dict[str, Path] | None = None) -> None:
        self.files = files or {}
        self.arrivals: list[Arrival] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for(self, path: str) -> Arrival:
        """Return what arrived last at a path, once something has."""
        return wait_until(
            lambda: next((arrival for arrival in reversed(self.arrivals) if arrival.path == path), None)
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        landing = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._respond()

            def do_POST(self) -> None:
                self._respond()

            def _respond(self) -> None:
                path = urlsplit(self.path).path
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                landing.arrivals.append(Arrival(path=path, form=form))
                file = landing.files.get(path)
                content = file.read_bytes() if file else b"<h1>Landed</h1>"
                self.send_response(200)
                self.send_header("Content-Type", TYPES[file.suffix if file else ".html"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
