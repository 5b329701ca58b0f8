"""Client registration as OpenAPI describes it: one address for strangers, and one for each client."""

from dataclasses import Field

from provider.api.openapi_words import TEXT, YES_OR_NO, Described, as_json, in_path, many, response, schema
from provider.protocol.client_metadata import DECLARED
from provider.protocol.client_metadata_rules import kind_of

SECURITY_SCHEMES: Described = {
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
_SECONDS: Described = {"type": "integer"}
_REFUSED: Described = {"400": response("ProtocolError"), "default": response("ProtocolError")}
_TOLD = as_json("The registered metadata of the client.", schema("RegisteredClient"))


def _described(declared: "Field[object]") -> Described:
    kinds: dict[type, Described] = {
        str: TEXT,
        bool: YES_OR_NO,
        int: _SECONDS,
        tuple: many(TEXT),
        dict: {"type": "object"},
    }
    return kinds[kind_of(declared.type)] | {"description": declared.metadata["meaning"]}


def _metadata_in_body(name: str) -> Described:
    return {"required": True, "content": {"application/json": {"schema": schema(name)}}}


def _operation(name: str, summary: str, answers: Described, **more: object) -> Described:
    return {
        "operationId": name,
        "tags": ["protocol"],
        "summary": summary,
        "security": [{"registrationAccessToken": []}],
        "responses": answers | _REFUSED,
    } | more


PATHS: Described = {
    "/register": {
        "post": _operation(
            "register",
            "Register a client, if dynamic registration is enabled (RFC 7591).",
            {"201": _TOLD},
            security=[{"initialAccessToken": []}, {}],
            requestBody=_metadata_in_body("ClientMetadata"),
        )
    },
    "/register/{client_id}": {
        "get": _operation(
            "readRegistration", "Read a client's registration (RFC 7592, 2.1).", {"200": _TOLD}
        ),
        "put": _operation(
            "replaceRegistration",
            "Replace a client's registration (RFC 7592, 2.2).",
            {"200": _TOLD},
            requestBody=_metadata_in_body("ClientMetadata"),
        ),
        "delete": _operation(
            "deleteRegistration",
            "Remove a client and revoke everything issued to it (RFC 7592, 2.3).",
            {"204": {"description": "Removed."}},
        ),
    },
}
for _one in PATHS["/register/{client_id}"].values():
    _one["parameters"] = [in_path("client_id", "Name of the client.")]

_METADATA = {declared.name: _described(declared) for declared in DECLARED}
_OF_THE_ANSWER = ("client_id", "registration_access_token", "registration_client_uri")
SCHEMAS: Described = {
    "ClientMetadata": {"type": "object", "properties": _METADATA | {"software_statement": TEXT}},
    "RegisteredClient": {
        "type": "object",
        "required": [*_OF_THE_ANSWER, "client_id_issued_at"],
        "properties": _METADATA
        | dict.fromkeys((*_OF_THE_ANSWER, "client_secret"), TEXT)
        | dict.fromkeys(("client_id_issued_at", "client_secret_expires_at"), _SECONDS),
    },
}
