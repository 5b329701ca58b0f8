"""The JWK Set (core §10.1): the public keys that verify our signatures (KEY-08)."""

from flask import Response, jsonify

from provider.endpoints.description import ANY
from provider.endpoints.discovery import SHARED_FOR, publicly_cached
from provider.keys.jwks import published_jwks
from provider.web.openapi import as_content, operation
from provider.web.route import CORS, Route, Speaks


def jwks() -> Response:
    """Answer with the public keys."""
    response = jsonify(published_jwks())
    response.mimetype = "application/jwk-set+json"
    return publicly_cached(response)


ROUTE = Route(
    rule="/jwks",
    name="jwks",
    view=jwks,
    speaks=Speaks.JSON,
    cors=CORS.PUBLIC,
    answers_head=True,
    shared_for=SHARED_FOR,
    discovery="jwks_uri",
    operations={
        "GET": operation(
            "jwks",
            "The public keys (RFC 7517).",
            {"200": as_content("The keys.", **{"application/jwk-set+json": ANY})},
        )
    },
)
