"""Serve a worker's metrics over HTTP if it was started with a port for them: one URL and nothing else."""

import hmac
import threading
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flask import Flask

from provider.infrastructure import current, event_log, metrics
from provider.infrastructure.database import db
from provider.inspection import standing

_PATH = "/metrics"
_STOP_CHECK_SECONDS = 0.2
_TEXT = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]


class MetricsServer:
    """Answers Prometheus in a thread of its own; a configured bearer token is required here as well."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._app = app
        with app.app_context():
            self._token = current.settings().metrics_bearer_token
        self._server = make_server(
            host, port, self._respond, server_class=_Server, handler_class=_SilentHandler
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_CHECK_SECONDS,), name="metrics", daemon=True
        )

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._server.server_port

    def start(self) -> None:
        """Start answering."""
        self._thread.start()
        event_log.info("metrics_served", port=self.port)

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _respond(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != _PATH or environ["REQUEST_METHOD"] != "GET":
            start_response("404 Not Found", _TEXT)
            return [b"not found\n"]
        if self._token and not self._is_allowed(environ.get("HTTP_AUTHORIZATION", "")):
            start_response("401 Unauthorized", [*_TEXT, ("WWW-Authenticate", "Bearer")])
            return [b"a bearer token is required\n"]
        with self._app.app_context():
            try:
                text = metrics.expose(standing.measure())
            finally:
                db.session.remove()
        start_response("200 OK", [("Content-Type", metrics.CONTENT_TYPE), ("Cache-Control", "no-store")])
        return [text]

    def _is_allowed(self, authorization: str) -> bool:
        scheme, _, presented = authorization.partition(" ")
        same = hmac.compare_digest(presented.strip().encode(), self._token.encode())
        return scheme.lower() == "bearer" and same


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    # A scraper that stops in the middle of its request must not hold a thread for ever.
    timeout = 10

    def log_message(self, *_: Any) -> None:
        """Write no access log: the event log is JSON, and scrapes are not worth an entry."""
