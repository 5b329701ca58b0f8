"""The description of what programs may ask for, in OpenAPI 3.1: for people who write apps, and for tools."""

from typing import Any

from flask import Response, jsonify

from provider.api import openapi_account, openapi_protocol, openapi_registration
from provider.infrastructure import current

_ABOUT = (
    "Endpoints of the OpenID Provider and its account API. With the account API, an app can show a person "
    "where they are signed in and sign them out: of one session, of one app, or everywhere. The protocol "
    "endpoints follow the specifications that they name; the discovery document lists their addresses and "
    "capabilities."
)


def openapi() -> Response:
    """Answer with the description."""
    response = jsonify(document())
    response.headers["Cache-Control"] = "public, max-age=300"
    # Tools that run in a browser read it from their own origin; it holds no secret.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def document() -> dict[str, Any]:
    """Return the description; its server is the issuer, whatever host was asked."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Curfew", "version": "1", "description": _ABOUT},
        "servers": [{"url": current.settings().issuer}],
        "tags": [
            {"name": "account", "description": "A person's own sessions and grants."},
            {"name": "protocol", "description": "OpenID Connect and OAuth 2.0."},
        ],
        "paths": openapi_account.PATHS | openapi_protocol.PATHS | openapi_registration.PATHS,
        "components": {
            "securitySchemes": openapi_protocol.SECURITY_SCHEMES | openapi_registration.SECURITY_SCHEMES,
            "schemas": openapi_account.SCHEMAS | openapi_protocol.SCHEMAS | openapi_registration.SCHEMAS,
            "responses": openapi_account.RESPONSES | openapi_protocol.RESPONSES,
        },
    }
