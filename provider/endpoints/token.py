"""The Token Endpoint (rfc6749 §3.2, core §3.1.3): codes, refresh tokens and client credentials for tokens."""

from flask import Response, request

from provider.endpoints.client_endpoint import answer
from provider.oauth.client_proof.encryption import with_key
from provider.oauth.token.server import the_server
from provider.protocol.errors import InvalidRequest
from provider.web.client_request import read_client_request


def token() -> Response:
    """Answer a token request."""
    asked = read_client_request(request)
    if "grant_type" not in asked.parameters:
        raise InvalidRequest("the parameter grant_type is missing")
    return with_key(lambda: answer(lambda: the_server().create_token_response(asked), writes=True))
