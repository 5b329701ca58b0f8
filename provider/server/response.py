"""Call a WSGI application and return its whole response."""

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from provider.infrastructure import event_log
from provider.server.environ import Environ

Headers = list[tuple[str, str]]
Write = Callable[[bytes], object]
WSGIApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Response(NamedTuple):
    """A whole response, with the headers in ASGI's form."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


# For use when no thread is left to have the application answer.
_WITHOUT_THE_APPLICATION = {
    408: ("invalid_request", "The request was not received in time."),
    413: ("invalid_request", "The request body is too large."),
    500: ("server_error", "The server could not answer this request."),
    503: ("temporarily_unavailable", "The server is busy. Try again in a few seconds."),
}
_RETRY_AFTER_SECONDS = b"5"


def without_the_application(status: int, environ: Environ) -> Response:
    """Return a short response that needs no thread: a page for a browser, JSON for a program."""
    error, sentence = _WITHOUT_THE_APPLICATION[status]
    if "text/html" in environ.get("HTTP_ACCEPT", ""):
        media_type = b"text/html; charset=utf-8"
        body = f'<!doctype html><html lang="en"><title>{sentence}</title><p>{sentence}</p></html>'
    else:
        media_type, body = b"application/json", json.dumps({"error": error, "error_description": sentence})
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status in (408, 503):
        headers.append((b"retry-after", _RETRY_AFTER_SECONDS))
    return Response(status, headers, body.encode())


def call(application: WSGIApplication, environ: Environ) -> Response:
    """Run a request and return its whole response: all our pages and documents are small."""
    begun: list[tuple[str, Headers]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, _exc_info: object = None) -> Write:
        begun[:] = [(status, headers)]
        return written.append

    content = application(environ, start_response)
    try:
        written.extend(content)
    finally:
        _close(content)
    status, headers = begun[0]
    return Response(
        int(status.split(" ", 1)[0]),
        [(_lower(name), value.encode("latin-1")) for name, value in headers],
        b"".join(written),
    )


# The application uses some dozens of header names.
@lru_cache(maxsize=256)
def _lower(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _close(content: Iterable[bytes]) -> None:
    """Let the application clean up. An error here does not change the response."""
    close = getattr(content, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception:  # noqa: BLE001 – whatever it is, the response exists and goes out.
        event_log.error("request_cleanup_failed", exc_info=True)
