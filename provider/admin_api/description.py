"""The description of the admin API in OpenAPI 3.1, made from its operations and their types."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from provider.admin_api.operation import ROOT, Operation
from provider.admin_api.parameter_meanings import MEANINGS
from provider.infrastructure import current
from provider.protocol.permissions import Permission
from provider.web.openapi import Described, response, schema

_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")
_ABOUT = (
    "Everything that `curfew` does at the command line, for programs. Send an access token with the scope of "
    "the operation: a service its own by client_credentials, an app that of a person, whose role must allow "
    "it too. Lists are pages: repeat with `after` until `next` is null. A change needs the ETag as If-Match; "
    "a POST may carry an Idempotency-Key, under which it is carried out once within 24 hours. Unknown "
    "members and parameters are refused."
)
_PROBLEM: Described = {
    "type": "object",
    "required": ["type", "title", "status", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "Identifies the request in the log."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_IF_MATCH: Described = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version to change.",
    "schema": {"type": "string"},
}
_KEY: Described = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Chosen by the sender; with the same key the request is carried out once in 24 hours.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._~:+/=-]{1,255}$"},
}


def document(operations: Sequence[Operation], token_path: str, authorize_path: str) -> Described:
    """Return the description; its server is the issuer, whatever `Host` says."""
    issuer = current.settings().issuer
    scopes = {str(one): "" for one in Permission}
    flows = {
        "clientCredentials": {"tokenUrl": issuer + token_path, "scopes": scopes},
        "authorizationCode": {
            "authorizationUrl": issuer + authorize_path,
            "tokenUrl": issuer + token_path,
            "scopes": scopes,
        },
    }
    shapes, schemas = _schemas(operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Curfew admin API", "version": "1", "description": _ABOUT},
        "servers": [{"url": issuer + ROOT}],
        "paths": _paths(operations, shapes),
        "components": {
            "securitySchemes": {"token": {"type": "oauth2", "flows": flows}},
            "schemas": schemas | {"Problem": _PROBLEM},
            "responses": {
                "Problem": {
                    "description": "Any error (RFC 9457).",
                    "content": {"application/problem+json": {"schema": schema("Problem")}},
                }
            },
        },
    }


def openapi_path(rule: str) -> str:
    """Return a route's rule in the notation of OpenAPI."""
    return _VARIABLE.sub(r"{\2}", rule)


def _schemas(operations: Iterable[Operation]) -> tuple[dict[type, Described], Described]:
    kinds = {kind for one in operations for kind in (one.body, one.response) if kind is not None}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    found, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    return dict(zip(ordered, found, strict=True)), dict(components)


def _paths(operations: Iterable[Operation], shapes: dict[type, Described]) -> Described:
    paths: Described = {}
    for one in operations:
        paths.setdefault(openapi_path(one.rule), {})[one.method.lower()] = _operation(one, shapes)
    return paths


def _operation(one: Operation, shapes: dict[type, Described]) -> Described:
    described: Described = {
        "operationId": one.name,
        "tags": [one.rule.split("/")[1]],
        "summary": one.summary,
        "security": [{"token": [str(one.permission)]}],
        "parameters": [*_path_parameters(one.rule), *_query_parameters(one), *_headers(one)],
        "responses": {str(one.status): _response(one, shapes), "default": response("Problem")},
    }
    if one.shows_version:
        described["responses"]["304"] = {"description": "The sender's copy is current."}
    if one.description:
        described["description"] = one.description
    if one.body is not None:
        content = {one.mimetype: {"schema": shapes[one.body]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _response(one: Operation, shapes: dict[type, Described]) -> Described:
    if one.response is None:
        return {"description": "Done."}
    return {"description": "Done.", "content": {"application/json": {"schema": shapes[one.response]}}}


def _path_parameters(rule: str) -> list[Described]:
    shapes = {"uuid": {"type": "string", "format": "uuid"}}
    return [
        _described(name, "path", shapes.get(kind, {"type": "string"}), required=True)
        for kind, name in _VARIABLE.findall(rule)
    ]


def _query_parameters(one: Operation) -> list[Described]:
    (shape,), components = msgspec.json.schema_components([one.query], ref_template="{name}")
    query: Any = components.get(shape.get("$ref", ""), shape)
    required = query.get("required", ())
    return [
        _described(name, "query", _flat(kind, components), required=name in required)
        for name, kind in query.get("properties", {}).items()
    ]


def _described(name: str, place: str, schema: Described, *, required: bool) -> Described:
    about = MEANINGS.get(name) or schema["description"]
    shape = {member: value for member, value in schema.items() if member != "description"}
    found: Described = {"name": name, "in": place, "description": about, "schema": shape}
    return found | {"required": True} if required else found


def _flat(kind: Described, components: dict[str, Any]) -> Described:
    """Return a parameter's schema with references resolved, and without null, which no query can send."""
    choices = [_flat(one, components) for one in kind.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == 1:
        return choices[0] | {name: value for name, value in kind.items() if name == "description"}
    if "$ref" in kind:
        return dict(components[kind["$ref"]])
    return kind


def _headers(one: Operation) -> list[Described]:
    if one.method == "POST":
        return [_KEY]
    return [_IF_MATCH] if one.versioned else []
