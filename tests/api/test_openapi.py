"""The description at /openapi.json and what really is there."""

import re

import pytest

from provider import api, endpoints
from provider.api.openapi import document
from tests.support.browsers import ISSUER

# What people are led through, or machines of the operator ask, is no API.
NOT_DESCRIBED = re.compile(r"/(authorize/|session/(end/|ended|check)|health/|metrics)")
OPERATIONS = {"get", "post", "put", "delete", "patch"}

# A description depends on no database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def described(rp) -> dict:
    response = rp.http.get("/openapi.json")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    return response.json


def operations(described) -> dict[tuple[str, str], dict]:
    return {
        (path, method): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def routes(app, room) -> set[tuple[str, str]]:
    """The addresses of a blueprint as OpenAPI writes them."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(f"{room.GROUP.name}.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def test_every_address_of_the_api_is_described(app, described):
    assert routes(app, api) <= set(operations(described))


def test_every_protocol_endpoint_is_described(app, described):
    ours = {route for route in routes(app, endpoints) if not NOT_DESCRIBED.match(route[0])}

    assert ours <= set(operations(described))


def test_nothing_is_described_that_is_not_there(app, described):
    assert set(operations(described)) <= routes(app, api) | routes(app, endpoints)


def test_every_endpoint_of_the_discovery_document_is_described(rp, described):
    found = rp.http.get("/.well-known/openid-configuration").json
    paths = {value.removeprefix(ISSUER) for name, value in found.items() if name.endswith("_endpoint")}

    assert paths <= set(described["paths"])


def test_it_is_the_description_of_this_provider(described):
    assert described["openapi"].startswith("3.1.")
    assert described["servers"] == [{"url": ISSUER}]


def test_every_operation_says_its_responses_and_who_may_ask(described):
    known = set(described["components"]["securitySchemes"])
    names = [operation["operationId"] for operation in operations(described).values()]

    assert len(names) == len(set(names))
    for (path, method), operation in operations(described).items():
        assert method in OPERATIONS
        assert operation["responses"], path
        assert all(set(way) <= known for way in operation["security"]), path
        declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), path


def test_every_reference_leads_somewhere(app):
    described = document()

    for target in re.findall(r"'\$ref': '#/([^']+)'", str(described)):
        found = described
        for step in target.split("/"):
            found = found[step]
        assert found


def _fits(value, schema, described) -> bool:
    """Return whether a response is what a schema says, as far as our schemas say something."""
    if "$ref" in schema:
        return _fits(value, described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], described)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if value is None:
        return "null" in kinds
    if not isinstance(value, tuple(types[kind] for kind in kinds if kind != "null")):
        return False
    if isinstance(value, list):
        return all(_fits(one, schema["items"], described) for one in value)
    if isinstance(value, dict):
        named = schema["properties"]
        others = schema.get("additionalProperties")
        return set(schema["required"]) <= set(value) and all(
            _fits(member, named.get(name, others), described) for name, member in value.items()
        )
    return True


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/account/sessions"),
        ("GET", "/account/grants"),
        ("GET", "/account/sign-out-everywhere"),
        ("POST", "/account/sign-out-everywhere"),
    ],
)
def test_the_responses_are_as_described(rp, token, described, method, path):
    operation = described["paths"][path][method.lower()]

    good, bad = rp.call(method, path, token), rp.call(method, path)

    promised = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert _fits(good.json, promised, described)
    assert _fits(bad.json, described["components"]["schemas"]["AccountError"], described)
