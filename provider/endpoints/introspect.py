"""The Introspection Endpoint (rfc7662): whether a token is active, for services that accept it."""

from flask import Request, Response

from provider.endpoints.client_endpoint import respond
from provider.endpoints.description import ANY, for_clients
from provider.oauth.token.introspection import Introspection
from provider.oauth.token.server import the_server
from provider.web.client_request import read_client_request
from provider.web.notes import this_request
from provider.web.openapi import TEXT, as_content
from provider.web.route import Route, Speaks

SIGNED = "application/token-introspection+jwt"


def introspect() -> Response:
    """Answer an introspection request, in JSON or as a JWT (rfc9701 §4)."""
    request = this_request()
    asked = read_client_request(request, wants_signed=_wants_signed(request))
    return respond(
        lambda: the_server().create_endpoint_response(Introspection.ENDPOINT_NAME, asked),
        writes=asked.writes_to_prove,
        signed_as=SIGNED,
    )


def _wants_signed(request: Request) -> bool:
    """Return whether the client names the signed form first; `*/*` gets JSON."""
    # Most clients do not name it at all, and parsing the header takes time.
    if SIGNED not in request.environ.get("HTTP_ACCEPT", "").lower():
        return False
    named = [kind.lower() for kind, _ in request.accept_mimetypes]
    return SIGNED in named and named.index(SIGNED) == 0


ROUTE = Route(
    rule="/introspect",
    name="introspect",
    view=introspect,
    methods=("POST",),
    speaks=Speaks.JSON,
    discovery="introspection_endpoint",
    takes_certificates=True,
    operations=for_clients(
        "introspect",
        "Whether a token is active (RFC 7662).",
        {
            "200": as_content(
                "The introspection response, signed if requested (RFC 9701).",
                **{"application/json": ANY, SIGNED: TEXT},
            )
        },
        "token",
        members={"token_type_hint": TEXT},
    ),
)
