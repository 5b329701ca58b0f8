"""The Token Endpoint (rfc6749 §3.2, core §3.1.3): codes, refresh tokens and client credentials for tokens."""

from flask import Response

from provider.endpoints.client_endpoint import respond
from provider.endpoints.description import DPOP, for_clients
from provider.oauth.client_proof.encryption import with_key
from provider.oauth.token.server import the_server
from provider.protocol.errors import InvalidRequest
from provider.web.client_request import read_client_request
from provider.web.notes import this_request
from provider.web.openapi import COUNT, TEXT, as_json, schema
from provider.web.route import CORS, Route, Speaks


def token() -> Response:
    """Answer a token request."""
    asked = read_client_request(this_request())
    if "grant_type" not in asked.parameters:
        raise InvalidRequest("the parameter grant_type is missing")
    return with_key(lambda: respond(lambda: the_server().create_token_response(asked), writes=True))


_PARAMETERS = (
    *("code", "redirect_uri", "code_verifier", "refresh_token", "device_code", "scope", "resource"),
    *("subject_token", "subject_token_type", "requested_token_type", "audience"),
)
_TOKENS = ("access_token", "token_type", "refresh_token", "id_token", "scope", "issued_token_type")
ROUTE = Route(
    rule="/token",
    name="token",
    view=token,
    methods=("POST",),
    speaks=Speaks.JSON,
    cors=CORS.CLIENT,
    discovery="token_endpoint",
    takes_certificates=True,
    operations=for_clients(
        "token",
        "Tokens for a code, refresh token, device code, token exchange or client credentials (RFC 6749, "
        "8628, 8693).",
        {"200": as_json("The tokens.", schema("Tokens"))},
        "grant_type",
        members=dict.fromkeys(_PARAMETERS, TEXT),
        parameters=[DPOP],
    ),
    schemas={
        "Tokens": {
            "type": "object",
            "required": ["access_token", "token_type", "expires_in"],
            "properties": dict.fromkeys(_TOKENS, TEXT) | {"expires_in": COUNT},
        }
    },
)
