"""Checks the length of a request's body before anything else is done with the request.

`provider.server` has read the body already and says if it refused one; other WSGI servers may pass on a
body of unknown length, which is read here.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from provider.config import Settings
from provider.protocol.errors import BodyTooSlow, TemporarilyUnavailable
from provider.server.environ import REFUSED
from provider.web.route import Route

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_known_length(application: WSGIApp, most_bytes: int) -> WSGIApp:
    """Read bodies of unknown length, so that every rule finds a length.

    A body that is too long is discarded; its length is enough to refuse it.
    """

    def reading(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # rfc9112 §6.3: 'the Transfer-Encoding overrides the Content-Length'.
        is_unknown = "HTTP_TRANSFER_ENCODING" in environ or not environ.get("CONTENT_LENGTH")
        # Without this flag, PEP 3333 forbids reading beyond the length.
        if is_unknown and environ.get("wsgi.input_terminated"):
            body = _read(environ["wsgi.input"], most_bytes + 1)
            environ["wsgi.input"] = io.BytesIO(body if len(body) <= most_bytes else b"")
            environ["CONTENT_LENGTH"] = str(len(body))
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        return application(environ, start_response)

    return reading


def _read(stream: Any, most: int) -> bytes:
    chunks = []
    while most > 0 and (chunk := stream.read(most)):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)


def refuse_unfit(request: Request, route: Route | None, settings: Settings) -> None:
    """Refuse a body that is too long for its address, or was refused by the server."""
    match request.environ.get(REFUSED):
        case 408:
            raise BodyTooSlow("the request body did not arrive in time")
        case 503:
            raise TemporarilyUnavailable("the provider is busy; retry later")
        case 413:
            raise RequestEntityTooLarge
    if length := request.content_length:
        own = route.max_body_bytes if route else None
        most = settings.max_body_bytes
        if length > (most if own is None else min(most, own)):
            raise RequestEntityTooLarge
