"""OpenAPI 3.1 for programs: made from the routes that describe themselves."""

from typing import Any

from flask import Response, jsonify

from provider.api import openapi_account, openapi_protocol
from provider.infrastructure import current
from provider.web.openapi import Described, json_document
from provider.web.route import CORS, Route, Speaks
from provider.web.routes import RouteTable, table

_ABOUT = (
    "Endpoints of the OpenID Provider and its account API. With the account API, an app can show a person "
    "where they are signed in and sign them out: of one session, of one app, or everywhere. The protocol "
    "endpoints follow the specifications that they name; the discovery document lists their addresses and "
    "capabilities."
)


def openapi() -> Response:
    """Answer with the OpenAPI document."""
    response = jsonify(document())
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def document() -> dict[str, Any]:
    """Return the document; its server is the issuer, whatever `Host` says."""
    routes = table()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Curfew", "version": "1", "description": _ABOUT},
        "servers": [{"url": current.settings().issuer}],
        "tags": [
            {"name": "account", "description": "A person's own sessions and grants."},
            {"name": "protocol", "description": "OpenID Connect and OAuth 2.0."},
        ],
        "paths": _paths(routes),
        "components": {
            "securitySchemes": openapi_protocol.security_schemes(routes),
            "schemas": _schemas(routes),
            "responses": openapi_account.RESPONSES | openapi_protocol.RESPONSES,
        },
    }


def _paths(routes: RouteTable) -> Described:
    paths: Described = {}
    for route in routes:
        for method, operation in route.operations.items():
            paths.setdefault(route.openapi_path, {})[method.lower()] = operation
    return paths


def _schemas(routes: RouteTable) -> Described:
    own = {name: shape for route in routes for name, shape in route.schemas.items()}
    return openapi_account.SCHEMAS | openapi_protocol.SCHEMAS | own


ROUTE = Route(
    rule="/openapi.json",
    name="openapi",
    view=openapi,
    speaks=Speaks.JSON,
    cors=CORS.PUBLIC,
    operations={"GET": json_document("openapi", "This document.")},
)
