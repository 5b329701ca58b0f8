"""The description of the admin API as a page for people, made from the same document (DEC-19)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Response, make_response, render_template
from markupsafe import Markup, escape

from provider.admin_api.description import document
from provider.admin_api.operation import ROOT, Operation
from provider.web.i18n import speak
from provider.web.openapi import Described
from provider.web.route import Route
from provider.web.routes import table

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a value in words, and the schema to which it refers, if any."""

    words: str
    schema: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One parameter of an operation, or one member of a schema."""

    name: str
    kind: Kind
    meaning: str
    place: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One operation in the form that the page shows."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    scope: str
    is_fresh: bool
    parameters: tuple[Member, ...]
    body: tuple[str, Kind] | None
    status: str
    response: Kind | None


def viewer_route(operations: Sequence[Operation]) -> Route:
    """Return the route of the page, which anyone may read: it reveals nothing about an installation."""
    fresh = {one.name for one in operations if one.fresh}

    def show() -> Response:
        """Reference of the admin API for people."""
        speak("en")
        routes = table()
        found = document(operations, routes.path_of("endpoints.token"), routes.path_of("endpoints.authorize"))
        groups: dict[str, list[Shown]] = {}
        for one in _operations(found, fresh):
            groups.setdefault(one.path.split("/")[1], []).append(one)
        schemas = {name: _members(shape) for name, shape in found["components"]["schemas"].items()}
        shown = render_template(
            "admin_api/viewer.html", about=found["info"]["description"], groups=groups, schemas=schemas,
            described=found["components"]["schemas"], root=found["servers"][0]["url"], marked=_marked,
        )  # fmt: skip
        response = make_response(shown)
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    return Route(rule=f"{ROOT}/docs", name="docs", view=show, answers_head=True)


def _marked(text: str) -> Markup:
    """Return a description with text between backticks marked up as code."""
    code = Markup("<code>{}</code>")
    parts = text.split("`")
    return Markup().join(code.format(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def _operations(found: Described, fresh: set[str]) -> Iterator[Shown]:
    for path, methods in found["paths"].items():
        for method, one in methods.items():
            status = next(code for code in one["responses"] if code not in ("304", "default"))
            answered = one["responses"][status].get("content", {}).get("application/json")
            [(_, [scope])] = one["security"][0].items()
            yield Shown(
                name=one["operationId"],
                method=method.upper(),
                path=path,
                summary=one["summary"],
                description=one.get("description", ""),
                scope=scope,
                is_fresh=one["operationId"] in fresh,
                parameters=tuple(_parameters(one["parameters"])),
                body=_body(one),
                status=status,
                response=_kind(answered["schema"]) if answered else None,
            )


def _parameters(found: Sequence[Described]) -> Iterator[Member]:
    for one in found:
        shape = one["schema"]
        yield Member(
            name=one["name"],
            kind=_kind(shape),
            meaning=one.get("description", shape.get("description", "")),
            place=one["in"],
            is_required=one.get("required", False),
        )


def _body(one: Described) -> tuple[str, Kind] | None:
    for mimetype, content in one.get("requestBody", {}).get("content", {}).items():
        return mimetype, _kind(content["schema"])
    return None


def _members(shape: Described) -> tuple[Member, ...]:
    required = shape.get("required", ())
    return tuple(
        Member(
            name=name,
            kind=_kind(one),
            meaning=one.get("description", ""),
            is_required=name in required,
        )
        for name, one in shape.get("properties", {}).items()
    )


def _kind(shape: Described) -> Kind:
    """Return the type of a value: for a choice, all alternatives and the first schema among them."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return Kind(name, name)
    if "anyOf" in shape:
        kinds = [_kind(one) for one in shape["anyOf"]]
        named = next((one.schema for one in kinds if one.schema), "")
        return Kind(" or ".join(one.words for one in kinds), named)
    if "enum" in shape:
        return Kind(", ".join(map(str, shape["enum"])))
    if shape.get("type") == "array":
        items = _kind(shape.get("items", {}))
        return Kind(f"list of {items.words}", items.schema)
    words = str(shape.get("type", "any"))
    return Kind(f"{words} ({shape['format']})" if "format" in shape else words)
