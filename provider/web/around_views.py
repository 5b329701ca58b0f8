"""The steps before and after each view, in this order."""

import flask
from flask import Flask

from provider.infrastructure import acting, current
from provider.web import (
    addresses,
    cookies,
    cors,
    dpop_nonce,
    headers,
    methods,
    op_browser_state,
    request_body,
    request_metrics,
    routes,
)
from provider.web.notes import this_request
from provider.web.response import Response


def install(app: Flask) -> None:
    """Register the steps with an application."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> flask.Response | None:
    """Refuse requests that no view should see, or answer in its place."""
    # First, so that the time of all other steps is included.
    request_metrics.begin()
    request, route, settings = this_request(), routes.current_route(), current.settings()
    request_body.refuse_unfit(request, route, settings)
    addresses.refuse_disguised_headers(request, settings)
    acting.note_address(addresses.client_address())
    methods.refuse_head(request, route)
    response = cors.respond_to_preflight(request, route)
    if response is None:
        routes.refuse_unless_offered(request, route, settings)
    return response


def _after(response: Response) -> Response:
    """Write the headers and cookies that any response may need."""
    request, route, settings = this_request(), routes.current_route(), current.settings()
    headers.write(settings, response)
    dpop_nonce.write(request, settings, response)
    op_browser_state.write(settings, response)
    cookies.write(settings, response)
    cors.write(request, route, response)
    request_metrics.count(request, response)
    return response
