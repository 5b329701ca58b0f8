"""The Revocation Endpoint (rfc7009): a client gives a token of its own back."""

from flask import Response, request

from provider.endpoints.client_endpoint import answer
from provider.oauth.token.revocation import Revocation
from provider.oauth.token.server import the_server
from provider.web.client_request import read_client_request


def revoke() -> Response:
    """Answer a revocation request; the token is dead everywhere once this has answered."""
    asked = read_client_request(request)
    return answer(lambda: the_server().create_endpoint_response(Revocation.ENDPOINT_NAME, asked), writes=True)
