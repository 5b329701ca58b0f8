"""Calling a WSGI application, and keeping what it answers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from provider.infrastructure import event_log
from provider.server.environ import Environ

WSGIApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; the headers as ASGI writes them."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


# For when nothing of the application can answer any more: without content, and not to be kept.
BARE_HEADERS = [(b"cache-control", b"no-store"), (b"content-length", b"0")]


def call(application: WSGIApplication, environ: Environ) -> Answer:
    """Run a request and return its whole response: no page or document of ours is large, none is endless."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], None]:
        begun[:] = [(status, headers)]
        return written.append

    content = application(environ, start_response)
    try:
        written.extend(content)
    finally:
        _close(content)
    status, headers = begun[0]
    return Answer(
        int(status.split(" ", 1)[0]),
        [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        b"".join(written),
    )


def _close(content: Iterable[bytes]) -> None:
    """Let the application clean up. An error in that does not change what it has answered."""
    close = getattr(content, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception:  # noqa: BLE001 – whatever it is, the answer exists and goes out.
        event_log.error("request_cleanup_failed", exc_info=True)
