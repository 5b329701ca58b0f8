"""The Client Registration Endpoint (rfc7591, registration §3) and each client's own address (rfc7592)."""

from typing import Any

from flask import Response, jsonify, request

from provider.clients import initial_access
from provider.endpoints import registration_description as described
from provider.endpoints.client_endpoint import never_stored
from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.oauth.registration import lifecycle as registration
from provider.oauth.registration.lifecycle import RegisteredByItself
from provider.protocol.errors import InvalidRequest, InvalidToken, MissingToken, TooManyRequests
from provider.protocol.json_object import read_json_object
from provider.web import network_limits
from provider.web.addresses import client_networks
from provider.web.bearer import bearer_token
from provider.web.openapi import Described
from provider.web.parameters import check_body
from provider.web.route import CORS, Route, Speaks, View

_PATH = "/register"
_OF_ONE_CLIENT = f"{_PATH}/<path:client_id>"


def register() -> Response:
    """Register a client."""
    _count()
    token = _initial_token()
    asked = _read_metadata()
    made = registration.add(asked, initial_token=token, network=client_networks()[-1])
    return _respond(made, 201)


def read_registration(client_id: str) -> Response:
    """Return a client's registration (rfc7592 §2.1), without its secret, of which only a digest is stored."""
    token = _own_token()
    with reading():
        client = registration.prove(client_id, token)
    return _respond(RegisteredByItself(client=client, token=token), 200)


def replace_registration(client_id: str) -> Response:
    """Replace a client's registration (rfc7592 §2.2)."""
    token = _own_token()
    client = registration.prove(client_id, token)
    _count()
    made = registration.replace(client, token, _read_metadata())
    return _respond(made, 200)


def delete_registration(client_id: str) -> Response:
    """Remove a client at its own request (rfc7592 §2.3)."""
    token = _own_token()
    registration.remove(registration.prove(client_id, token), token)
    return never_stored(Response(status=204))


def _count() -> None:
    """Limit registrations by network: each writes rows and fetches URLs on behalf of an unknown sender."""
    if not network_limits.hit(current.settings().registration_limit, "registration"):
        raise TooManyRequests("too many registrations from this address", retry_after=60)


def _initial_token() -> str | None:
    """Return the initial access token; it is checked before anything else (rfc7591 §3)."""
    token = bearer_token(request)
    if token is None:
        if current.settings().registration == "open":
            return None
        raise MissingToken("an initial access token is required")
    with reading():
        is_good = initial_access.find_good(token) is not None
    if not is_good:
        raise InvalidToken("the initial access token is unknown, used up, expired or revoked")
    return token


def _own_token() -> str:
    token = bearer_token(request)
    if token is None:
        raise MissingToken("a registration access token is required")
    return token


def _read_metadata() -> dict[str, Any]:
    if request.args:
        raise InvalidRequest("parameters must be in the request body")
    check_body(request, "application/json")
    return read_json_object(request.get_data())


def _respond(made: RegisteredByItself, status: int) -> Response:
    """Return a client's registration (rfc7591 §3.2.1, rfc7592 §3)."""
    client = made.client
    members: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        **client.metadata_.to_wire(),
        "registration_access_token": made.token,
        "registration_client_uri": f"{current.settings().issuer}{_PATH}/{client.client_id}",
    }
    if made.secret is not None:
        # registration §3.2: 0 means that the secret does not expire.
        members |= {"client_secret": made.secret, "client_secret_expires_at": 0}
    if made.software_statement is not None:
        members["software_statement"] = made.software_statement
    response = jsonify(members)
    response.status_code = status
    return never_stored(response)


def _route(name: str, view: View, method: str, operation: Described, rule: str = _OF_ONE_CLIENT) -> Route:
    return Route(
        rule=rule,
        name=name,
        view=view,
        methods=(method,),
        speaks=Speaks.JSON,
        cors=CORS.REGISTRATION,
        is_offered=lambda settings: settings.registration != "off",
        discovery="registration_endpoint" if rule == _PATH else "",
        operations={method: operation},
        schemas=described.SCHEMAS,
    )


ROUTES = (
    _route("register", register, "POST", described.REGISTER, _PATH),
    _route("read_registration", read_registration, "GET", described.READ),
    _route("replace_registration", replace_registration, "PUT", described.REPLACE),
    _route("delete_registration", delete_registration, "DELETE", described.DELETE),
)
