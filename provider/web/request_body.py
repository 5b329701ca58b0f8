"""A request's body before anything is decided by it: its length is known, and it is not too long.

`provider.server` has read it already and says what it refused; any other WSGI server may hand over a body
of unknown length, which is read here.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

from provider.infrastructure import current
from provider.protocol.errors import BodyTooSlow, TemporarilyUnavailable
from provider.server.environ import REFUSED
from provider.web.routes import current_route

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def install(app: Flask) -> None:
    """Refuse at every address what is too long or was refused by the server, before anything else is done."""
    app.before_request(_refuse)


def with_known_length(application: WSGIApp, most_bytes: int) -> WSGIApp:
    """Read bodies of unknown length: no rule may be decided by a length that is missing.

    Of one that is too long nothing is kept; its length alone says that it must be refused.
    """

    def reading(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # rfc9112 §6.3: 'the Transfer-Encoding overrides the Content-Length'.
        is_unknown = "HTTP_TRANSFER_ENCODING" in environ or not environ.get("CONTENT_LENGTH")
        # Without this, PEP 3333 forbids to read further than the length.
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


def _refuse() -> None:
    match request.environ.get(REFUSED):
        case 408:
            raise BodyTooSlow("the request body did not arrive in time")
        case 503:
            raise TemporarilyUnavailable("the provider is busy; retry later")
        case 413:
            raise RequestEntityTooLarge
    if (request.content_length or 0) > _most_bytes():
        raise RequestEntityTooLarge


def _most_bytes() -> int:
    most, route = current.settings().max_body_bytes, current_route()
    return min(most, route.max_body_bytes) if route and route.max_body_bytes is not None else most
