"""What is done before and after each view, in this order."""

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
    """Have an application do it."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> flask.Response | None:
    """Refuse what no view is to see, or answer in its place."""
    # First, so that it measures all the others.
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
    """Write what any response may have to say."""
    request, route, settings = this_request(), routes.current_route(), current.settings()
    headers.write(settings, response)
    dpop_nonce.write(request, settings, response)
    op_browser_state.write(settings, response)
    cookies.write(settings, response)
    cors.write(request, route, response)
    request_metrics.count(request, response)
    return response
