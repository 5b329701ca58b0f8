"""Client registration as OpenAPI describes it: one address to register at, and one for each client."""

from dataclasses import Field

from provider.protocol.client_metadata import DECLARED
from provider.protocol.client_metadata_rules import kind_of
from provider.web.openapi import (
    TEXT,
    YES_OR_NO,
    Described,
    as_json,
    in_path,
    json_body,
    many,
    operation,
    response,
    schema,
)

_SECONDS: Described = {"type": "integer"}
_REGISTERED = as_json("The registered metadata of the client.", schema("RegisteredClient"))
_REFUSED: Described = {"400": response("ProtocolError")}
_OWN_TOKEN: list[Described] = [{"registrationAccessToken": []}]
_CLIENT_ID = [in_path("client_id", "Name of the client.")]

REGISTER = operation(
    "register",
    "Register a client, if dynamic registration is enabled (RFC 7591).",
    {"201": _REGISTERED} | _REFUSED,
    security=[{"initialAccessToken": []}, {}],
    requestBody=json_body("ClientMetadata"),
)
READ = operation(
    "readRegistration",
    "Read a client's registration (RFC 7592, 2.1).",
    {"200": _REGISTERED} | _REFUSED,
    security=_OWN_TOKEN,
    parameters=_CLIENT_ID,
)
REPLACE = operation(
    "replaceRegistration",
    "Replace a client's registration (RFC 7592, 2.2).",
    {"200": _REGISTERED} | _REFUSED,
    security=_OWN_TOKEN,
    requestBody=json_body("ClientMetadata"),
    parameters=_CLIENT_ID,
)
DELETE = operation(
    "deleteRegistration",
    "Remove a client and revoke everything issued to it (RFC 7592, 2.3).",
    {"204": {"description": "Removed."}} | _REFUSED,
    security=_OWN_TOKEN,
    parameters=_CLIENT_ID,
)


def _described(declared: "Field[object]") -> Described:
    kinds: dict[type, Described] = {
        str: TEXT,
        bool: YES_OR_NO,
        int: _SECONDS,
        tuple: many(TEXT),
        dict: {"type": "object"},
    }
    return kinds[kind_of(declared.type)] | {"description": declared.metadata["meaning"]}


_METADATA = {declared.name: _described(declared) for declared in DECLARED}
_OF_THE_RESPONSE = ("client_id", "registration_access_token", "registration_client_uri")
SCHEMAS: Described = {
    "ClientMetadata": {"type": "object", "properties": _METADATA | {"software_statement": TEXT}},
    "RegisteredClient": {
        "type": "object",
        "required": [*_OF_THE_RESPONSE, "client_id_issued_at"],
        "properties": _METADATA
        | dict.fromkeys((*_OF_THE_RESPONSE, "client_secret"), TEXT)
        | dict.fromkeys(("client_id_issued_at", "client_secret_expires_at"), _SECONDS),
    },
}
