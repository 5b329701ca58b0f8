"""The OpenAPI parts that all endpoints of the protocol share; each endpoint describes its own operations."""

from provider.protocol.scopes import ACCOUNT, CLIENT_SCOPES, PERSONAL_SCOPES
from provider.web.openapi import TEXT, Described, as_json, schema
from provider.web.routes import RouteTable

SCHEMAS: Described = {
    "ProtocolError": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": TEXT, "error_description": TEXT},
    },
}
RESPONSES: Described = {
    "ProtocolError": as_json("An error code of the specification.", schema("ProtocolError")),
}


def security_schemes(routes: RouteTable) -> Described:
    """Return how callers authenticate; these routes give the addresses at which tokens are obtained."""
    of_client, of_person = _flows(routes)
    return {
        "accountToken": {"type": "oauth2", "flows": {"authorizationCode": of_person}},
        "clientToken": {"type": "oauth2", "flows": {"clientCredentials": of_client}},
        "bearer": {"type": "http", "scheme": "bearer"},
        "dpop": {"type": "http", "scheme": "dpop"},
        "clientSecretBasic": {"type": "http", "scheme": "basic"},
        "initialAccessToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "Authorizes client registration; issued by the operator (RFC 7591, 3).",
        },
        "registrationAccessToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "Issued to the client at registration; each change issues a new one.",
        },
    }


def _flows(routes: RouteTable) -> tuple[Described, Described]:
    """Return the flow for a client's tokens, and the one for a person's."""
    token_url = {"tokenUrl": routes.path_of("endpoints.token")}
    of_client = {"scopes": dict.fromkeys(CLIENT_SCOPES, "Global Token Revocation.")}
    of_person = {
        "authorizationUrl": routes.path_of("endpoints.authorize"),
        "scopes": dict.fromkeys(PERSONAL_SCOPES, "See the discovery document.")
        | {ACCOUNT: "See and end the person's sessions and grants."},
    }
    return token_url | of_client, token_url | of_person
