"""The methods of an address, for HEAD, OPTIONS and every `Allow` (rfc9110 §10.2.1)."""

from flask import Request, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from provider.web.route import CORS, Route
from provider.web.routes import table


def allowed_methods() -> list[str]:
    """Return the methods of this request's address; an empty list if there is no such address."""
    try:
        named = set(current_app.create_url_adapter(request).allowed_methods())  # type: ignore[union-attr]  # A request has one.
    except HTTPException:
        return []
    if not named:
        return []
    routes = table().at(request.path)
    if not any(route.answers_head for route in routes):
        named.discard("HEAD")
    if any(route.cors is not CORS.NONE for route in routes):
        named.add("OPTIONS")
    return sorted(named)


def respond_to_options() -> Response:
    """Answer a plain OPTIONS."""
    return Response(status=204, headers={"Allow": ", ".join(allowed_methods())})


def refuse_head(request: Request, route: Route | None) -> None:
    """Refuse HEAD where GET may change something: the framework would run GET for it."""
    if request.method != "HEAD" or request.routing_exception is not None:
        return
    if route is None or not route.answers_head:
        raise MethodNotAllowed(valid_methods=allowed_methods())
