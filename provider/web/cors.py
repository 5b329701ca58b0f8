"""Cross-origin requests of scripts, as the `cors` of each route allows them (THR-33).

An app in a browser redeems its code, asks for userinfo and revokes its tokens from its own origin. No
cookie decides about any of these responses, and none allows credentials. Routes for people allow nothing
(rfc9700 §2.6: the authorization endpoint 'MUST NOT support CORS').
"""

from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response

from provider.clients import browser_origins
from provider.clients.browser_origins import origin_of
from provider.clients.models import Client
from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.oauth.client_proof.registered_client import find_active
from provider.web.methods import allowed_methods, respond_to_options
from provider.web.notes import notes, this_request
from provider.web.route import CORS
from provider.web.routes import current_route

_NOTE = "readers"
_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
    "Access-Control-Max-Age": "600",
}
# Headers that a script needs: the nonce for its next proof, and the reason of a refusal.
_EXPOSED = "DPoP-Nonce, WWW-Authenticate"


def install(app: Flask) -> None:
    """Have an application answer preflights and name the origins that may read its responses."""
    app.before_request(_respond_to_preflight)
    app.after_request(_write)


def allow_pages_of(client: Client) -> None:
    """Let the pages of this client read the response, if it is an app that runs in a browser."""
    if _is_asked_by_script() and client.metadata_.is_public:
        notes()[_NOTE] = {origin_of(uri) for uri in client.metadata_.redirect_uris}


def allow_pages_of_sender(parameters: Mapping[str, str]) -> None:
    """Do the same for the client that a request names, which is looked up for scripts only."""
    if not _is_asked_by_script() or "client_id" not in parameters:
        return
    with reading():
        found = find_active(parameters["client_id"])
        if found is not None:
            allow_pages_of(found.client)


def _is_asked_by_script() -> bool:
    return "Origin" in this_request().headers and _cors_here().is_for_client_pages


def _cors_here() -> CORS:
    route = current_route()
    return route.cors if route else CORS.NONE


def _respond_to_preflight() -> Response | None:
    """Answer a preflight; the named client decides later whether the response is readable."""
    request = this_request()
    if request.method != "OPTIONS" or _cors_here() is CORS.NONE or not allowed_methods():
        return None
    response = respond_to_options()
    origin = request.headers.get("Origin")
    response.vary.add("Origin")
    if origin and "Access-Control-Request-Method" in request.headers and _may_ask(origin):
        response.headers.extend(_PREFLIGHT)
        response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def _may_ask(origin: str) -> bool:
    """Return whether a page of this origin may send the request.

    Requests to the account API end sessions, so only origins of apps that use it pass. The requests of other
    routes need no preflight, so refusing one would prevent nothing.
    """
    match _cors_here():
        case CORS.ACCOUNT:
            return browser_origins.uses_account_api(origin)
        case CORS.REGISTRATION:
            return _is_registration_on()
    return True


def _write(response: Response) -> Response:
    cors, origin = _cors_here(), this_request().headers.get("Origin")
    if cors is CORS.PUBLIC:
        _share_with_all(response)
    elif origin and (origin in notes().get(_NOTE, ()) or _may_read(response, cors)):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        response.vary.add("Origin")
    return response


def _share_with_all(response: Response) -> None:
    """Let every site read a document that is the same for all and holds no secret."""
    if this_request().method in {"GET", "HEAD"} and response.status_code < HTTPStatus.BAD_REQUEST:
        response.headers["Access-Control-Allow-Origin"] = "*"


def _may_read(response: Response, cors: CORS) -> bool:
    """Return whether any site may read the response.

    An app must see that its token is dead, and a dead token does not say whose it was.
    """
    if cors.shows_dead_tokens:
        return response.status_code == HTTPStatus.UNAUTHORIZED
    return cors is CORS.REGISTRATION and _is_registration_on()


def _is_registration_on() -> bool:
    return current.settings().registration != "off"
