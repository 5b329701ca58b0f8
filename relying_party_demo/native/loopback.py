"""The redirect URI on this machine: a listener for one response (rfc8252 §7.3)."""

import hmac
import threading
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

PATH = "/callback"
_IDLE_SECONDS = 10
_LONGEST_QUERY = 8192
_PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{text}</p>"


class NoResponse(Exception):
    """The browser did not come back in time."""


class Loopback:
    """A listener on 127.0.0.1, on a port chosen by the system; it accepts one response, with its state."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._response: dict[str, str] = {}
        # Browsers open connections in advance; such a connection must not keep the response waiting.
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def authority(self) -> str:
        """The host and port; rfc8252 §8.3: the literal address, because localhost may resolve differently."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def redirect_uri(self) -> str:
        """The redirect URI with its port; the registered one has none."""
        return f"http://{self.authority}{PATH}"

    def wait(self, seconds: float) -> dict[str, str]:
        """Return the parameters of the response. Raises NoResponse."""
        if not self._arrived.wait(seconds):
            raise NoResponse("the browser did not come back in time")
        return self._response

    def take(self, response: dict[str, str]) -> bool:
        """Accept a response if it is the first with the state of this sign-in."""
        if not hmac.compare_digest(response.get("state", "").encode(), self._state.encode()):
            return False
        with self._lock:
            if not self._response:
                self._response = response
                return True
        return False

    def go_on(self) -> None:
        """Let the app continue with the accepted response, once the page has been written."""
        self._arrived.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler_of(listener: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the browser."""

        timeout = _IDLE_SECONDS

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            # Another host name would mean a page that has rebound its own name to this address.
            if self.headers.get("Host") != listener.authority or len(parts.query) > _LONGEST_QUERY:
                self._show(HTTPStatus.BAD_REQUEST, "Not for this app", "The request is not a sign-in's.")
            elif parts.path != PATH:
                self._show(HTTPStatus.NOT_FOUND, "Not found", "There is nothing here.")
            elif response := _taken(listener, parts.query):
                # Write the page first: the app may end as soon as it continues.
                try:
                    self._show(HTTPStatus.OK, *_words(response))
                finally:
                    listener.go_on()
            else:
                self._show(
                    HTTPStatus.BAD_REQUEST,
                    "Not the sign-in that the app waits for",
                    "It was already used, or began elsewhere. Start again in the app.",
                )

        def _show(self, status: HTTPStatus, title: str, text: str) -> None:
            body = _PAGE.format(title=escape(title), text=escape(text)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing: the query contains the code."""

    return Handler


def _taken(listener: Loopback, query: str) -> dict[str, str] | None:
    found = parse_qs(query, keep_blank_values=True)
    # rfc6749 §3.1: a parameter must not be repeated.
    if any(len(values) > 1 for values in found.values()):
        return None
    response = {name: values[0] for name, values in found.items()}
    return response if listener.take(response) else None


def _words(response: dict[str, str]) -> tuple[str, str]:
    if "error" in response:
        return "You did not sign in", "Nothing has changed. You can close this page."
    return "Back to the app", "The app continues. You can close this page."
