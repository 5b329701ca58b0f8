"""The route of the OpenAPI description."""

from collections.abc import Sequence

from flask import Response, jsonify

from provider.admin_api.description import document
from provider.admin_api.operation import ROOT, Operation
from provider.web.route import CORS, Route, Speaks
from provider.web.routes import table


def description_route(operations: Sequence[Operation]) -> Route:
    """Return the public route of the description, which reveals nothing about an installation."""

    def describe() -> Response:
        routes = table()
        found = document(operations, routes.path_of("endpoints.token"), routes.path_of("endpoints.authorize"))
        response = jsonify(found)
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    return Route(
        rule=f"{ROOT}/openapi.json",
        name="openapi",
        view=describe,
        speaks=Speaks.PROBLEM,
        cors=CORS.PUBLIC,
        answers_head=True,
    )
