"""The Introspection Endpoint (rfc7662): whether a token lives, asked by those who accept it."""

from flask import Response, request

from provider.endpoints.client_endpoint import answer
from provider.oauth.introspection import Introspection
from provider.oauth.server import the_server
from provider.web.client_request import read_client_request


def introspect() -> Response:
    """Answer an introspection request."""
    asked = read_client_request(request)
    return answer(
        lambda: the_server().create_endpoint_response(Introspection.ENDPOINT_NAME, asked),
        writes=asked.writes_to_prove,
    )
