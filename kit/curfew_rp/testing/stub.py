"""An app that records the Logout Tokens that it gets, and fails on request of a test."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt

_LARGEST_BODY = 64 * 1024
_ACCEPTED = 200


class StubApp:
    """A stand-in for another app of a person, with its received tokens and its planned failures."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self._failures: list[tuple[int, float]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.backchannel_logout_uri = f"{self.url}/backchannel-logout"
        self.redirect_uri = f"{self.url}/callback"

    def fail(self, status: int = 503, *, times: int = 1, after: timedelta = timedelta(0)) -> None:
        """Answer the next notifications with a status, each after a delay."""
        with self._lock:
            self._failures += [(status, after.total_seconds())] * times

    @property
    def claims(self) -> list[dict[str, Any]]:
        """The unverified claims of the tokens, oldest first."""
        return [jwt.decode(token, options={"verify_signature": False}) for token in self.tokens]

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, token: str) -> int:
        """Keep a token, and return the status of the response."""
        with self._lock:
            self.tokens.append(token)
            status, seconds = self._failures.pop(0) if self._failures else (_ACCEPTED, 0.0)
        time.sleep(seconds)
        return status


@contextmanager
def stub_app() -> Iterator[StubApp]:
    """Run a stub app."""
    app = StubApp()
    try:
        yield app
    finally:
        app.stop()


def _handler_of(app: StubApp) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a notification."""
            length = min(int(self.headers.get("Content-Length") or 0), _LARGEST_BODY)
            sent = parse_qs(self.rfile.read(length).decode("ascii", "replace"))
            self._answer(app.take(sent.get("logout_token", [""])[0]))

        def do_GET(self) -> None:
            """Answer as the redirect URI."""
            self._answer(_ACCEPTED)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 – the name is the base class's.
            """Log nothing."""

    return Handler
