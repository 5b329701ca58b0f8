"""Short words for what an OpenAPI description says again and again."""

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


def thing(**members: Described) -> Described:
    """Describe an object that has all of these members."""
    return {"type": "object", "required": list(members), "properties": members}


def form(required: tuple[str, ...] = (), *, members: Described) -> Described:
    """Describe a body that is a form."""
    body = {"type": "object", "properties": members} | ({"required": list(required)} if required else {})
    return {
        "required": bool(required),
        "content": {"application/x-www-form-urlencoded": {"schema": body}},
    }


def as_json(description: str, what: Described) -> Described:
    """Describe an answer in JSON."""
    return as_content(description, **{"application/json": what})


def as_content(description: str, **kinds: Described) -> Described:
    """Describe an answer that comes as one of these media types."""
    return {
        "description": description,
        "content": {kind: {"schema": what} for kind, what in kinds.items()},
    }


def in_query(name: str, description: str, what: Described) -> Described:
    """Describe a parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": what}


def in_path(name: str, description: str) -> Described:
    """Describe an identifier in the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": IDENTIFIER,
    }
