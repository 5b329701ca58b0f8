"""The routes of an application: which one a request is for, and the values derived from all of them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from flask import Blueprint, Flask, Request, abort
from flask.globals import _cv_app as _context

from provider.config import Settings
from provider.server import Shared
from provider.web.notes import notes, this_request
from provider.web.path_parameters import is_one_segment
from provider.web.route import Route, RouteGroup, Speaks
from provider.web.rule import LateRule

_EXTENSION = "curfew.routes"
_NOTE = "route"
_VARIABLE = re.compile(r"<(?:(\w+):)?\w+>")


class RouteTable:
    """All routes of one application."""

    def __init__(self, groups: Sequence[RouteGroup]) -> None:
        self.by_endpoint = {f"{group.name}.{route.name}": route for group in groups for route in group.routes}
        self._json_below = tuple(prefix for group in groups for prefix in group.json_below)
        self._problems_below = tuple(prefix for group in groups for prefix in group.problems_below)
        self._shapes = [(_shape(route.rule), route) for route in self]

    def __iter__(self) -> Iterator[Route]:
        """Yield the routes in the order of their groups."""
        return iter(self.by_endpoint.values())

    def at(self, path: str) -> list[Route]:
        """Return the routes of an address, even if a variable part has a value that no route accepts."""
        return [route for shape, route in self._shapes if shape.fullmatch(path)]

    def speaks_below(self, path: str) -> Speaks:
        """Return the form in which an address without an endpoint is answered."""
        if path.startswith(self._problems_below):
            return Speaks.PROBLEM
        return Speaks.JSON if path.startswith(self._json_below) else Speaks.PAGE

    def addresses(self, settings: Settings) -> dict[str, str]:
        """Return the addresses of the endpoints, by their names in the discovery documents."""
        return {route.discovery: settings.issuer + route.rule for route in self._discoverable(settings)}

    def addresses_with_certificates(self, settings: Settings) -> dict[str, str]:
        """Return the addresses for clients that show a TLS certificate; none without an origin for them."""
        routes = self._discoverable(settings) if settings.mtls_issuer else ()
        return {
            route.discovery: settings.mtls_issuer + route.rule for route in routes if route.takes_certificates
        }

    def _discoverable(self, settings: Settings) -> list[Route]:
        return [route for route in self if route.discovery and route.is_offered(settings)]

    def path_of(self, endpoint: str) -> str:
        """Return the path of an endpoint without variable parts, below the issuer's. Raises KeyError."""
        return self.by_endpoint[endpoint].rule

    def path_with(self, endpoint: str, part: str) -> str:
        """Return the path of an endpoint with one variable part. Raises KeyError."""
        return _VARIABLE.sub(part, self.path_of(endpoint))

    def shared(self) -> dict[str, Shared]:
        """Return the responses that the server may repeat to everyone, by address."""
        constants = {address: Shared(route.name) for route in self for address in route.constant_at}
        return constants | {
            route.rule: Shared(route.name, route.shared_for) for route in self if route.shared_for
        }

    def own_threads(self) -> dict[str, int]:
        """Return how many threads the server keeps for single addresses."""
        return {route.rule: route.own_threads for route in self if route.own_threads}


def install(app: Flask, groups: Iterable[RouteGroup]) -> None:
    """Give an application its URLs; the converters of their variable parts must be installed."""
    groups = tuple(groups)
    app.extensions[_EXTENSION] = RouteTable(groups)
    app.url_rule_class = LateRule
    for group in groups:
        blueprint = Blueprint(group.name, __name__, template_folder=group.templates)
        for route in group.routes:
            blueprint.add_url_rule(route.rule, route.name, route.view, methods=route.methods)
        app.register_blueprint(blueprint)


def table(app: Flask | None = None) -> RouteTable:
    """Return the routes of an application, by default of the current one."""
    found: RouteTable = (app or _context.get().app).extensions[_EXTENSION]
    return found


def current_route() -> Route | None:
    """Return the route that a request is for.

    Where none takes the request, because of its method or a variable part, this is the first of its address.
    """
    known = notes()
    if _NOTE not in known:
        request = this_request()
        found = table().by_endpoint.get(request.endpoint or "")
        known[_NOTE] = found or next(iter(table().at(request.path)), None)
    route: Route | None = known[_NOTE]
    return route


def speaks_here() -> Speaks:
    """Return the form in which this request is answered."""
    route = current_route()
    if route is not None:
        return route.speaks
    return table().speaks_below(this_request().path)


def refuse_unless_offered(request: Request, route: Route | None, settings: Settings) -> None:
    """Answer 404 where the settings do not offer the endpoint of a request."""
    if request.routing_exception is None and route is not None and not route.is_offered(settings):
        abort(404)


def _shape(rule: str) -> re.Pattern[str]:
    """Return a pattern of the addresses of a rule that accepts any value of its variable parts."""
    parts, end = [], 0
    for variable in _VARIABLE.finditer(rule):
        value = "[^/]+" if is_one_segment(variable[1] or "default") else ".*"
        parts += [re.escape(rule[end : variable.start()]), value]
        end = variable.end()
    return re.compile("".join([*parts, re.escape(rule[end:])]), re.DOTALL)
