"""Refuses requests that a page of another site could send, by DNS rebinding or cross-site requests.

Every program that can reach this machine's loopback may drive the provider; a page in a developer's browser
must not (THR-54).
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import request
from werkzeug.wrappers import Response

from provider.protocol.errors import InvalidRequest

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
API = "/dev/api"
_NAMES = ("localhost", "127.0.0.1", "[::1]")
_OWN_SITES = frozenset({"same-origin", "none"})
_HOST = "curfew.dev.host"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class FromElsewhere(InvalidRequest):
    """The request was sent by a page of another site."""

    status_code = 403
    redirectable = False


class NotJSON(InvalidRequest):
    """A request that changes something is not JSON; a form on any web page could have sent it."""

    status_code = 415


def under_own_name(application: WSGIApp, port: int) -> WSGIApp:
    """Refuse requests whose host is no name of loopback: a rebound name belongs to another site."""
    own = {f"{name}:{port}" for name in _NAMES}
    refusal = f"This is curfew dev. Reach it as http://localhost:{port}, not under another name.\n"

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").lower()
        if host in own:
            # The application replaces the header with the issuer's host.
            return application(environ | {_HOST: host}, start_response)
        response = Response(refusal, HTTPStatus.MISDIRECTED_REQUEST, mimetype="text/plain")
        return response(environ, start_response)

    return guarded


def check_api_request() -> None:
    """Refuse requests to the API from pages of other origins, and registrations from other sites.

    Raises FromElsewhere or NotJSON.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site == "cross-site" and request.endpoint == "endpoints.register":
        # Anyone may register an address for notifications, and here that address can be on this machine.
        raise FromElsewhere("pages of other sites may not register a client here")
    if not request.path.startswith(f"{API}/"):
        return
    if site not in (None, *_OWN_SITES):
        raise FromElsewhere("pages of other sites may not use this API")
    if origin is not None and urlsplit(origin).netloc != request.environ[_HOST]:
        raise FromElsewhere("pages of other origins may not use this API")
    if request.method not in _READING and request.mimetype != "application/json":
        raise NotJSON("send Content-Type: application/json, with a JSON object as the body")
