"""Cross-origin requests of scripts, as the `cors` of each route allows them (THR-33).

An app in a browser redeems its code, asks for userinfo and revokes its tokens from its own origin. No
cookie decides about any of these responses, and none allows credentials. Routes for people allow nothing
(rfc9700 §2.6: the authorization endpoint 'MUST NOT support CORS').
"""

from collections.abc import Mapping
from http import HTTPStatus

from flask import Request, Response

from provider.clients import browser_origins
from provider.clients.browser_origins import origin_of
from provider.clients.models import Client
from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.oauth.client_proof.registered_client import find_active
from provider.web.methods import allowed_methods, respond_to_options
from provider.web.notes import notes, this_request
from provider.web.route import CORS, Route
from provider.web.routes import current_route

_NOTE = "readers"
_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
    "Access-Control-Max-Age": "600",
}
# Headers that a script needs: the nonce for its next proof, and the reason of a refusal.
_EXPOSED = "DPoP-Nonce, WWW-Authenticate"


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
    return "HTTP_ORIGIN" in this_request().environ and _cors_here().is_for_client_pages


def _cors_here() -> CORS:
    route = current_route()
    return route.cors if route else CORS.NONE


def respond_to_preflight(request: Request, route: Route | None) -> Response | None:
    """Answer a preflight; the named client decides later whether the response is readable."""
    if request.method != "OPTIONS" or route is None or route.cors is CORS.NONE or not allowed_methods():
        return None
    response = respond_to_options()
    origin = request.headers.get("Origin")
    response.vary.add("Origin")
    if origin and "Access-Control-Request-Method" in request.headers and _may_ask(origin, route.cors):
        response.headers.extend(_PREFLIGHT)
        response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def _may_ask(origin: str, cors: CORS) -> bool:
    """Return whether a page of this origin may send the request.

    Requests to the account API end sessions, so only origins of apps that use it pass. The requests of other
    routes need no preflight, so refusing one would prevent nothing.
    """
    match cors:
        case CORS.ACCOUNT:
            return browser_origins.uses_account_api(origin)
        case CORS.REGISTRATION:
            return _is_registration_on()
    return True


def write(request: Request, route: Route | None, response: Response) -> None:
    """Name the origins that may read a response."""
    cors = route.cors if route else CORS.NONE
    origin = request.environ.get("HTTP_ORIGIN")
    if cors is CORS.PUBLIC:
        _share_with_all(request, response)
    elif origin and (origin in notes().get(_NOTE, ()) or _may_read(response, cors)):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        response.vary.add("Origin")


def _share_with_all(request: Request, response: Response) -> None:
    """Let every site read a document that is the same for all and holds no secret."""
    if request.method in {"GET", "HEAD"} and response.status_code < HTTPStatus.BAD_REQUEST:
        response.headers["Access-Control-Allow-Origin"] = "*"


def _may_read(response: Response, cors: CORS) -> bool:
    """Return whether any site may read the response.

    An app must see that its token is no longer valid, and such a token does not tell which client it belonged
    to.
    """
    if cors.shows_dead_tokens:
        return response.status_code == HTTPStatus.UNAUTHORIZED
    return cors is CORS.REGISTRATION and _is_registration_on()


def _is_registration_on() -> bool:
    return current.settings().registration != "off"
