"""Serve a WSGI app of the tests at a port of this machine, and restart it on request."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

WSGIApp = Callable[..., Any]


class Server:
    """A running app with its URL."""

    def __init__(self, make_app: Callable[[str], WSGIApp]) -> None:
        self._make_app = make_app
        self._server = make_server(
            "127.0.0.1", 0, _not_ready, server_class=_ThreadingServer, handler_class=_SilentHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        try:
            self.restart()
        except BaseException:
            self._server.server_close()
            raise
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Create the app again: stored data is kept, but nothing in memory."""
        self._server.set_app(self._make_app(self.url))

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serve(make_app: Callable[[str], WSGIApp]) -> Iterator[Server]:
    """Serve the app that a function makes for its URL; an app in another process needs no such server."""
    server = Server(make_app)
    try:
        yield server
    finally:
        server.stop()


def _not_ready(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return []


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 – the name is the base class's.
        """Write no line for each request."""
