"""Reads a bearer token from a request (rfc6750 §2.1)."""

from flask import Request

from provider.protocol.errors import InvalidRequest


def bearer_token(request: Request) -> str | None:
    """Return the token from the Authorization header, or None. Raises InvalidRequest for one in the URL."""
    if "access_token" in request.args:
        raise InvalidRequest("the access token must not be in the URL")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return (scheme.lower() == "bearer" and token.strip()) or None
