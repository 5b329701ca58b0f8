"""Set up the HTTP behaviour that all applications share."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from provider.infrastructure import acting, current, event_log
from provider.protocol.issuer_path import inside
from provider.web import (
    addresses,
    cookies,
    cors,
    dpop_nonce,
    errors,
    headers,
    i18n,
    layout,
    methods,
    op_browser_state,
    path_parameters,
    request_body,
    request_bounds,
    request_metrics,
    routes,
)
from provider.web.route import RouteGroup
from provider.web.strict_request import StrictRequest

StartResponse = Callable[..., Any]
WSGIApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


# The static files of all pages.
_OWN = RouteGroup(name="web", routes=(layout.ROUTE,))


def install(app: Flask, groups: Iterable[RouteGroup]) -> None:
    """Give an application its URLs and how they are answered; the services must be installed."""
    with app.app_context():
        settings = current.settings()
    app.request_class = StrictRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A doubled slash is a 404, not a reason for a 308, which would post a password again (THR-12).
    app.url_map.merge_slashes = False
    path_parameters.install(app)
    routes.install(app, (_OWN, *groups))
    # First, so that it measures all the others.
    request_metrics.install(app)
    i18n.install(app)
    layout.install(app)
    errors.install(app)
    request_body.install(app)
    app.before_request(addresses.refuse_disguised_headers)
    app.before_request(_note_address)
    methods.install(app)
    cors.install(app)
    app.before_request(routes.refuse_unless_offered)
    app.after_request(cookies.write)
    app.after_request(op_browser_state.write)
    app.after_request(dpop_nonce.write)
    app.after_request(headers.write)
    # Replacing this method is Flask's documented way to wrap an application.
    known = request_body.with_known_length(app.wsgi_app, settings.max_body_bytes)
    bounded = request_bounds.bounded(app, known, settings.database_deadline)
    named = _under_own_name(bounded, urlsplit(settings.issuer).netloc, settings.issuer_path)
    app.wsgi_app = _correlated(named)  # type: ignore[method-assign,assignment]


def _under_own_name(application: WSGIApp, host: str, path: str) -> WSGIApp:
    """Answer every request under the issuer's host and path, whatever `Host` a sender or proxy wrote.

    Otherwise its value reaches parsers of the framework, some of which fail on it.
    """

    def named(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked = inside(environ.get("PATH_INFO", ""), path)
        own = {"HTTP_HOST": host, "SCRIPT_NAME": path, "PATH_INFO": asked}
        return application(environ | own, start_response)

    return named


def _note_address() -> None:
    """Record the sender's address with everything that this request does."""
    acting.note_address(addresses.client_address())


def _correlated(application: WSGIApp) -> WSGIApp:
    """Run every request under a new correlation id; one from outside cannot be trusted."""

    def correlated(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        with event_log.correlated(), acting.answering_request():
            return application(environ, start_response)

    return correlated
