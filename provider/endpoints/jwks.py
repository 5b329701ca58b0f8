"""The JWK Set (core §10.1): the public keys, for whoever verifies our signatures (KEY-08)."""

from flask import Response, jsonify

from provider.endpoints.discovery import publicly_cached
from provider.keys.jwks import published_jwks


def jwks() -> Response:
    """Answer with the public keys."""
    response = jsonify(published_jwks())
    response.mimetype = "application/jwk-set+json"
    return publicly_cached(response)
