"""The Introspection Endpoint (rfc7662): whether a token lives, asked by those who accept it."""

from dataclasses import replace

from flask import Response, request

from provider.endpoints.client_endpoint import answer
from provider.oauth.token.introspection import Introspection
from provider.oauth.token.server import the_server
from provider.web.client_request import read_client_request

SIGNED = "application/token-introspection+jwt"


def introspect() -> Response:
    """Answer an introspection request, in JSON or as a JWT (rfc9701 §4)."""
    asked = replace(read_client_request(request), wants_signed=_wants_signed())
    return answer(
        lambda: the_server().create_endpoint_response(Introspection.ENDPOINT_NAME, asked),
        writes=asked.writes_to_prove,
        signed_as=SIGNED,
    )


def _wants_signed() -> bool:
    """Whether the client names the signed form, and no other before it; who takes anything gets JSON."""
    named = [kind.lower() for kind, _ in request.accept_mimetypes]
    return SIGNED in named and named.index(SIGNED) == 0
