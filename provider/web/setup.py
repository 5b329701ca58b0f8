"""Set up the HTTP behaviour that all applications share."""

from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from provider.infrastructure import acting, current, event_log
from provider.protocol.issuer_path import inside
from provider.web import (
    around_views,
    errors,
    i18n,
    layout,
    path_parameters,
    request_body,
    request_bounds,
    routes,
)
from provider.web.route import RouteGroup

StartResponse = Callable[..., Any]
WSGIApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


# The static files of all pages.
_OWN = RouteGroup(name="web", routes=(layout.ROUTE,))


def install(app: Flask, groups: Iterable[RouteGroup]) -> None:
    """Give an application its URLs and how they are answered; the services must be installed."""
    with app.app_context():
        settings = current.settings()
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A doubled slash is a 404, not a reason for a 308, which would post a password again (THR-12).
    app.url_map.merge_slashes = False
    path_parameters.install(app)
    routes.install(app, (_OWN, *groups))
    i18n.install(app)
    layout.install(app)
    errors.install(app)
    around_views.install(app)
    # Replacing this method is Flask's documented way to wrap an application.
    known = request_body.with_known_length(app.wsgi_app, settings.max_body_bytes)
    bounded = request_bounds.bounded(app, known, settings.database_deadline)
    named = _under_own_name(bounded, urlsplit(settings.issuer).netloc, settings.issuer_path)
    app.wsgi_app = _in_own_context(named)  # type: ignore[method-assign,assignment]


def _under_own_name(application: WSGIApp, host: str, path: str) -> WSGIApp:
    """Answer every request under the issuer's host and path, whatever `Host` a sender or proxy wrote.

    Otherwise its value reaches parsers of the framework, some of which fail on it.
    """

    def named(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked = inside(environ.get("PATH_INFO", ""), path)
        own = {"HTTP_HOST": host, "SCRIPT_NAME": path, "PATH_INFO": asked}
        return application(environ | own, start_response)

    return named


def _in_own_context(application: WSGIApp) -> WSGIApp:
    """Run every request in a context of its own: what is noted there is gone before the thread's next one."""

    def begin(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # Always a new id, because one sent from outside cannot be trusted.
        event_log.begin_correlation()
        acting.note_address(None)
        return application(environ, start_response)

    def separate(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return copy_context().run(begin, environ, start_response)

    return separate
