"""Every address is declared by one Route, and whatever depends on an address follows from it."""

import ast
import itertools
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from flask import jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from provider.api.openapi import document
from provider.app import create_app
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.web import layout
from provider.web.openapi import json_document
from provider.web.route import CORS, Route, RouteGroup, Speaks
from provider.web.routes import table
from tests.security.test_header_crawl import HANDLE, METHODS
from tests.support.browsers import ISSUER

ROOT = Path(__file__).parents[2]
EDGES = {"endpoints", "pages", "api", "admin_api", "console", "worker", "cli", "dev"}
DISCOVERY = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
FORMS = {
    "application/json": {Speaks.JSON},
    "application/problem+json": {Speaks.PROBLEM},
    "text/html": {Speaks.PAGE, Speaks.REDIRECT, Speaks.FILE},
}
CROSS_SITE = {"Origin": "https://spa.test", "Access-Control-Request-Method": "POST"}


@pytest.fixture
def settings(settings):
    """Everything is offered."""
    return replace(settings, registration="open", session_management=True, metrics_bearer_token="x" * 43)


def path_of(route: Route) -> str:
    """An address that has the shape of the route, though no converter may accept its variable parts."""
    return route.openapi_path.replace("{", "").replace("}", "%20")


def test_every_address_is_declared_by_one_route(app):
    routes = table(app).by_endpoint
    rules = list(app.url_map.iter_rules())

    assert sorted(rule.endpoint for rule in rules) == sorted(routes)
    for rule in rules:
        route = routes[rule.endpoint]
        assert (rule.rule, rule.methods - {"HEAD"}) == (route.rule, set(route.methods)), rule
        assert app.view_functions[rule.endpoint] is route.view, rule


def test_addresses_are_built_as_the_router_builds_them(app):
    usual = Map(converters=app.url_map.converters, merge_slashes=False)
    for rule in app.url_map.iter_rules():
        bare = Rule(rule.rule, endpoint=rule.endpoint, methods=rule.methods, defaults=rule.defaults)
        usual.add(bare)
        values = dict.fromkeys(rule.arguments, "a b/ä") | {"more": "c&d"}

        assert rule.build(values, True) == bare.build(values, True), rule
        assert rule.build(values, False) == bare.build(values, False), rule


@pytest.mark.parametrize("last", [HANDLE, HANDLE[:5], "", "a b", "ä", "x" * 129, f"{HANDLE}/more"])
def test_a_look_into_a_table_finds_what_the_router_finds(app, last):
    paths = {re.sub("<handle:[a-z]+>$", last, rule.rule) for rule in app.url_map.iter_rules()}
    environs = [app.test_request_context(path).request.environ for path in paths]
    for environ, method in itertools.product(environs, METHODS):
        request = app.request_class(environ | {"REQUEST_METHOD": method})

        assert _found(app.create_url_adapter(request)) == _found(app.url_map.bind_to_environ(request.environ))


def _found(adapter) -> object:
    try:
        return adapter.match(return_rule=True)
    except HTTPException as exc:
        return type(exc)


def test_no_two_routes_answer_the_same_request(app):
    asked = [(route.rule, method) for route in table(app) for method in route.methods]

    assert len(asked) == len(set(asked))


def test_no_address_is_that_of_a_provider_for_development(app, http):
    assert not [route.rule for route in table(app) if route.rule.startswith("/dev/") or route.rule == "/dev"]
    assert {http.get(path).status_code for path in ("/dev", "/dev/api/ready")} == {404}


def test_routes_of_one_address_agree_about_their_readers(app):
    for route in table(app):
        others = table(app).at(path_of(route).replace("%20", " "))
        assert {other.cors for other in others} == {route.cors}, route.rule
        assert {other.speaks for other in others} == {route.speaks}, route.rule


def test_no_room_below_the_edges_knows_an_address(app):
    rules = {route.rule for route in table(app)} - {"/", *DISCOVERY}
    for file in (ROOT / "provider").glob("*/**/*.py"):
        if file.relative_to(ROOT / "provider").parts[0] in EDGES or file == Path(layout.__file__):
            continue
        tree = ast.parse(file.read_text())
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not texts & rules, file


def test_the_page_for_contributors_names_every_field():
    _, _, section = (ROOT / "docs" / "design" / "architecture.md").read_text().partition("## 8. ")

    assert {field.name for field in fields(Route)} <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize("place", DISCOVERY)
def test_discovery_names_the_endpoints_that_routes_say_it_has_and_no_other(app, http, place):
    body = http.get(place).json

    declared = {route.discovery: ISSUER + route.rule for route in table(app) if route.discovery}
    is_address = lambda name: name.endswith(("_endpoint", "_iframe")) or name == "jwks_uri"  # noqa: E731
    assert {name: value for name, value in body.items() if is_address(name)} == declared


def test_a_wrong_method_is_refused_in_the_form_of_the_address(app, http):
    for route in table(app):
        for method in set(METHODS) - {"HEAD"}:
            response = http.open(path_of(route).replace("%20", HANDLE), method=method)
            if response.status_code == 405:
                assert route.speaks in FORMS[response.mimetype], (method, route.rule)
            response.close()


def test_a_wrong_part_of_an_address_is_refused_in_its_form(app, http):
    for route in table(app):
        if "<handle:" in route.rule or "<uuid:" in route.rule:
            response = http.open(path_of(route), method=route.methods[0])

            assert response.status_code == 404
            assert route.speaks in FORMS[response.mimetype], route.rule


def test_a_body_that_is_too_large_is_refused_in_the_form_of_the_address(app, http, settings):
    for route in table(app):
        response = http.open(
            path_of(route), method=route.methods[-1], data=b"x" * (settings.max_body_bytes + 1)
        )

        assert response.status_code == 413, route.rule
        assert route.speaks in FORMS[response.mimetype], route.rule


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [
        ("/.well-known/nothing", "application/json"),
        ("/api/nothing", "application/json"),
        ("/api/admin/v1/nothing", "application/problem+json"),
        ("/health/nothing", "application/json"),
        ("/nothing", "text/html"),
    ],
)
def test_an_address_without_an_endpoint_speaks_as_its_neighbours(http, path, mimetype):
    response = http.get(path)

    assert (response.status_code, response.mimetype) == (404, mimetype)


class TestANewEndpoint:
    """One Route and its registration: everything else follows."""

    @pytest.fixture(params=["offered", "not offered"])
    def is_offered(self, request) -> bool:
        return request.param == "offered"

    @pytest.fixture
    def app(self, settings, is_offered):
        route = Route(
            rule="/api/new/<handle:name>",
            name="new",
            view=lambda name: jsonify(name=name),
            methods=("GET", "POST"),
            speaks=Speaks.JSON,
            cors=CORS.PUBLIC,
            answers_head=True,
            is_offered=lambda _settings: is_offered,
            max_body_bytes=10,
            discovery="new_endpoint",
            error_code=len,
            operations={"GET": json_document("new", "Something new.")},
        )
        app = create_app(settings, added=(RouteGroup(name="added", routes=(route,)),))
        with app.app_context():
            yield app
            current.services().outbound.close()
            db.session.remove()
            db.engine.dispose()

    def test_it_answers_where_it_is_offered(self, http, is_offered):
        response = http.get("/api/new/x")

        assert response.json == ({"name": "x"} if is_offered else {"error": "not_found", "code": 9})
        assert response.status_code == (200 if is_offered else 404)
        assert ("Access-Control-Allow-Origin" in response.headers) == is_offered

    def test_discovery_names_it_where_it_is_offered(self, http, is_offered):
        assert ("new_endpoint" in http.get(DISCOVERY[0]).json) == is_offered

    def test_its_methods_and_preflights_follow(self, http):
        preflight = http.options("/api/new/x", headers=CROSS_SITE)

        assert preflight.status_code == 204
        assert preflight.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://spa.test"
        assert http.delete("/api/new/x").json == {"error": "method_not_allowed", "code": 18}

    def test_its_body_has_a_limit_of_its_own(self, http):
        assert http.post("/api/new/x", data=b"x" * 11).status_code == 413

    @pytest.mark.usefixtures("app")
    def test_it_is_described(self):
        assert document()["paths"]["/api/new/{name}"]["get"]["operationId"] == "new"
