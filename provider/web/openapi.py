"""Building blocks for the OpenAPI descriptions of routes."""

from typing import Any

Described = dict[str, Any]
TEXT: Described = {"type": "string"}
INSTANT: Described = {"type": "string", "format": "date-time"}
IDENTIFIER: Described = {"type": "string", "format": "uuid"}
COUNT: Described = {"type": "integer", "minimum": 0}
YES_OR_NO: Described = {"type": "boolean"}


def schema(name: str) -> Described:
    """Refer to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def response(name: str) -> Described:
    """Refer to a response."""
    return {"$ref": f"#/components/responses/{name}"}


def many(of: Described) -> Described:
    """Describe a list."""
    return {"type": "array", "items": of}


def object_of(**members: Described) -> Described:
    """Describe an object that has all of these members."""
    return {"type": "object", "required": list(members), "properties": members}


def form(required: tuple[str, ...] = (), *, members: Described) -> Described:
    """Describe a body that is a form."""
    body = {"type": "object", "properties": members} | ({"required": list(required)} if required else {})
    return {
        "required": bool(required),
        "content": {"application/x-www-form-urlencoded": {"schema": body}},
    }


def operation(
    name: str,
    summary: str,
    responses: Described,
    *,
    security: list[Described] | None = None,
    **more: Any,
) -> Described:
    """Describe an operation of a protocol; any other response is an error of its specification."""
    return {
        "operationId": name,
        "tags": ["protocol"],
        "summary": summary,
        "security": security or [],
        "responses": {"default": response("ProtocolError")} | responses,
    } | more


def json_document(name: str, summary: str) -> Described:
    """Describe an operation that returns a JSON document."""
    return operation(name, summary, {"200": as_json("The document.", {"type": "object"})})


def json_body(name: str) -> Described:
    """Describe a body in JSON that has this schema."""
    return {"required": True, "content": {"application/json": {"schema": schema(name)}}}


def as_json(description: str, shape: Described) -> Described:
    """Describe a response in JSON."""
    return as_content(description, **{"application/json": shape})


def as_content(description: str, **kinds: Described) -> Described:
    """Describe a response that has one of these media types."""
    return {
        "description": description,
        "content": {kind: {"schema": shape} for kind, shape in kinds.items()},
    }


def in_query(name: str, description: str, shape: Described) -> Described:
    """Describe a parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": shape}


def in_path(name: str, description: str) -> Described:
    """Describe an identifier in the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": IDENTIFIER,
    }
