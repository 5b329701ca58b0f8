"""The page about addresses for programs and people, from the OpenAPI document and the table of routes."""

import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from docs.reference_pages.markdown import code, codes, table
from docs.reference_pages.markdown import page as markdown_page
from provider.api.openapi import document
from provider.app import create_app
from provider.config import Settings
from provider.web.route import CORS, Speaks
from provider.web.routes import RouteTable
from provider.web.routes import table as route_table

_ABOUT = """\
`/openapi.json` describes the account API and the protocol endpoints for tools; the discovery document says
where the endpoints of an installation are. Paths are relative to the issuer.

`HEAD` is answered for documents, static files and health checks. Addresses that an app in a browser calls
answer CORS preflights; those that speak to a person share nothing with other sites."""
_TITLES = {"account": "Account API", "protocol": "Protocol endpoints"}
_ERROR = "default"
_SPEAKS = {
    Speaks.JSON: "data for programs",
    Speaks.PROBLEM: "data for programs",
    Speaks.PAGE: "pages",
    Speaks.REDIRECT: "redirects",
    Speaks.FILE: "files",
}
_OWN_PAGES = "Scripts of a public client's own pages may read the response."
_SCRIPTS = {
    CORS.NONE: "",
    CORS.PUBLIC: "Scripts of every site may read the response.",
    CORS.REGISTRATION: "Scripts of every site may read the response while registration is on.",
    CORS.CLIENT: _OWN_PAGES,
    CORS.BEARER: _OWN_PAGES,
    CORS.ACCOUNT: _OWN_PAGES,
}
Described = dict[str, Any]


def page() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(issuer="https://id.example", data_dir=Path(folder)))
        with app.app_context():
            described = document()
        return markdown_page("API", *_parts(route_table(app), described))


def _parts(routes: RouteTable, described: Described) -> Iterator[str]:
    yield _ABOUT
    yield "## Authentication"
    schemes = described["components"]["securitySchemes"]
    yield table(("Name", "Scheme", "Meaning"), [_scheme(name, one) for name, one in schemes.items()])
    responses = described["components"]["responses"]
    scripts = {route.openapi_path: _SCRIPTS[route.cors] for route in routes}
    for tag in described["tags"]:
        yield f"## {_TITLES[tag['name']]}"
        yield tag["description"]
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from parts_of_operation(f"{method.upper()} {path}", operation, responses)
                    yield scripts[path]
    yield "## Pages and other addresses"
    yield "These are for people and their browsers, or for the operator's machines; they are not an API."
    yield table(("Address", "Methods", "Speaks", "Meaning"), _others(routes))
    yield "## Schemas"
    for name, one in described["components"]["schemas"].items():
        yield f"### {name}"
        yield one.get("description", "")
        yield members(one)


def _scheme(name: str, described: Described) -> tuple[str, str, str]:
    kind = described.get("scheme") or f"{described['type']}: {', '.join(described['flows'])}"
    scopes = [scope for flow in described.get("flows", {}).values() for scope in flow["scopes"]]
    meaning = described.get("description") or (f"scopes {codes(scopes)}" if scopes else "")
    return code(name), kind, meaning


def parts_of_operation(title: str, described: Described, responses: Described) -> Iterator[str]:
    """Yield the parts about one operation."""
    yield f"### `{title}`"
    yield described["summary"]
    yield described.get("description", "")
    ways = [codes(way) or "none" for way in described["security"]] or ["none"]
    yield f"Authentication: {' or '.join(dict.fromkeys(ways))}."
    yield table(("Parameter", "In", "Kind", "Meaning"), _parameters(described))
    yield table(("Status", "Response", "Content"), _responses(described["responses"], responses))


def _parameters(described: Described) -> Iterator[tuple[str, str, str, str]]:
    for one in described.get("parameters", ()):
        required = ", required" if one.get("required") else ""
        yield code(one["name"]), one["in"] + required, _kind(one["schema"]), one.get("description", "")
    for content, body in described.get("requestBody", {}).get("content", {}).items():
        shape = body["schema"]
        if "$ref" in shape:
            yield "", f"body, `{content}`", _kind(shape), ""
        for name, member in shape.get("properties", {}).items():
            required = ", required" if name in shape.get("required", ()) else ""
            place = "form" if content == "application/x-www-form-urlencoded" else f"body, `{content}`"
            yield code(name), place + required, _kind(member), member.get("description", "")


def _responses(given: Described, known: Described) -> Iterator[tuple[str, str, str]]:
    for status in sorted(given, key=lambda status: (status == _ERROR, status)):
        response = given[status]
        if "$ref" in response:
            response = known[response["$ref"].rpartition("/")[2]]
        content = [f"`{kind}`: {_kind(body['schema'])}" for kind, body in response.get("content", {}).items()]
        yield "otherwise" if status == _ERROR else status, response["description"], "; ".join(content)


def _kind(shape: Described) -> str:
    if "$ref" in shape:
        return _link(shape["$ref"])
    if "oneOf" in shape:
        return "one of several"
    if "anyOf" in shape:
        return " or ".join(_kind(one) for one in shape["anyOf"])
    if "const" in shape:
        return code(shape["const"])
    if "enum" in shape:
        return codes(map(str, shape["enum"]))
    kind = shape.get("type", "any")
    kinds = [kind] if isinstance(kind, str) else kind
    if "array" in kinds:
        return f"list of {_kind(shape['items'])}"
    return " or ".join(kinds) + (f" ({shape['format']})" if "format" in shape else "")


def _link(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return f"[{name}](#{name.lower()})"


def members(shape: Described) -> str:
    """Return the table of an object's members."""
    if "oneOf" in shape:
        kinds = [one["properties"] for one in shape["oneOf"]]
        rows = [", ".join(f"`{name}`: {_kind(one)}" for name, one in kind.items()) for kind in kinds]
        return table(("One of",), [(row,) for row in rows])
    required = shape.get("required", ())
    return table(
        ("Member", "Kind", "Meaning"),
        [
            (code(name) + ("" if name in required else " (optional)"), _kind(one), one.get("description", ""))
            for name, one in shape.get("properties", {}).items()
        ],
    )


def _others(routes: RouteTable) -> Iterator[tuple[str, str, str, str]]:
    # Those of the admin API have a page of their own.
    others = (one for one in routes if not one.operations and one.speaks is not Speaks.PROBLEM)
    undescribed = sorted(others, key=lambda route: route.rule)
    for address, group in groupby(undescribed, key=lambda route: route.openapi_path):
        sharing = list(group)
        methods = sorted(method for route in sharing for method in route.methods)
        meanings = [(route.view.__doc__ or "").strip().partition("\n")[0] for route in sharing]
        yield code(address), ", ".join(methods), _SPEAKS[sharing[0].speaks], " ".join(meanings)
