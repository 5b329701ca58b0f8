"""The Revocation Endpoint (rfc7009): a client revokes a token of its own."""

from flask import Response, request

from provider.endpoints.client_endpoint import respond
from provider.endpoints.description import for_clients
from provider.oauth.token.revocation import Revocation
from provider.oauth.token.server import the_server
from provider.web.client_request import read_client_request
from provider.web.openapi import TEXT
from provider.web.route import CORS, Route, Speaks


def revoke() -> Response:
    """Answer a revocation request; once it is answered, the token is refused everywhere."""
    asked = read_client_request(request)
    return respond(
        lambda: the_server().create_endpoint_response(Revocation.ENDPOINT_NAME, asked), writes=True
    )


ROUTE = Route(
    rule="/revoke",
    name="revoke",
    view=revoke,
    methods=("POST",),
    speaks=Speaks.JSON,
    cors=CORS.CLIENT,
    discovery="revocation_endpoint",
    takes_certificates=True,
    operations=for_clients(
        "revoke",
        "Revoke a token; an invalid token gets the same response (RFC 7009).",
        {"200": {"description": "Revoked."}},
        "token",
        members={"token_type_hint": TEXT},
    ),
)
