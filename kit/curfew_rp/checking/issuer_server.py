"""Serve a temporary issuer at an address of this machine."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from curfew_rp.checking.issuer import Issuer

_LARGEST_BODY = 64 * 1024


class IssuerServer(ThreadingHTTPServer):
    """Serves an issuer's documents and endpoints while used as a context manager."""

    daemon_threads = True

    def __init__(self, host: str, port: int, issuer: Issuer) -> None:
        super().__init__((host, port), _Handler)
        self.issuer = issuer
        self.documents = issuer.documents()
        self.base = urlsplit(issuer.url).path.rstrip("/")
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: IssuerServer

    def do_GET(self) -> None:
        """Send a document, or redirect a browser back to the app."""
        url = urlsplit(self.path)
        if url.path == f"{self.server.base}/authorize":
            self._redirect(self.server.issuer.authorize(dict(parse_qsl(url.query))))
        elif url.path == f"{self.server.base}/userinfo":
            self._send(200, {"sub": self.headers.get("Authorization", "").partition(" ")[2]})
        else:
            document = self.server.documents.get(url.path)
            self._send(200 if document else 404, document)

    def do_POST(self) -> None:
        """Redeem a code."""
        length = min(int(self.headers.get("Content-Length") or 0), _LARGEST_BODY)
        asked = dict(parse_qsl(self.rfile.read(length).decode("ascii", "replace")))
        is_token = urlsplit(self.path).path == f"{self.server.base}/token"
        response = self.server.issuer.redeem(asked.get("code", "")) if is_token else None
        self._send(200 if response else 400, response or {"error": "invalid_grant"})

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        # A line break in the URL that the app sent must not start another header.
        self.send_header("Location", "".join(c for c in target if c.isprintable()))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode() if document else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 – the name is the base class's.
        """Log nothing."""
