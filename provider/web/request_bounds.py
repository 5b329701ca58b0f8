"""Limits of a request outside of Flask: its time at the database, and a response in every case.

`errors` answers exceptions inside Flask. An exception during the teardown of a request would reach the
server, which would send a bare 500 and log nothing.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.wrappers import Response

from provider.infrastructure import event_log
from provider.infrastructure.database_errors import is_unreachable
from provider.infrastructure.database_wait import begin_budget
from provider.server.environ import WAITED
from provider.web import errors

_RETRY_AFTER_SECONDS = 5

StartResponse = Callable[..., Any]
WSGIApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def bounded(app: Flask, application: WSGIApp, deadline: timedelta) -> WSGIApp:
    """Limit each request's wait for the database to the deadline, and answer every request."""

    seconds = deadline.total_seconds()

    def bound(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        begun: list[Any] = []

        def begin(*head: Any) -> Any:
            # The server gets a response only after the teardown of the request has succeeded.
            begun[:] = head
            return None

        begin_budget(seconds - environ.get(WAITED, 0.0))
        try:
            body = application(environ, begin)
        except Exception as exc:
            if app.config["PROPAGATE_EXCEPTIONS"] or app.testing:
                raise
            event_log.error("request_failed", exc_info=True, path=environ.get("PATH_INFO", ""))
            body = _last_resort(app, environ, exc)(environ, begin)
        start_response(*begun)
        return body

    return bound


def _last_resort(app: Flask, environ: dict[str, Any], exc: Exception) -> Response:
    """Return the error in the form of its address, or as plain text if that fails."""
    is_for_now = is_unreachable(exc)
    error = errors.ErrorResponse(
        status=503 if is_for_now else 500,
        error="temporarily_unavailable" if is_for_now else "server_error",
        description="the provider is temporarily unavailable; retry later" if is_for_now else "",
        headers={"Retry-After": str(_RETRY_AFTER_SECONDS)} if is_for_now else {},
    )
    response = None
    try:
        with app.request_context(environ):
            response = app.process_response(app.make_response(errors.respond(error)))
    except Exception:  # noqa: BLE001 – it may fail again as before, which is logged already.
        event_log.warning("last_resort")
    return response or Response(f"{error.error}\n", error.status, error.headers, mimetype="text/plain")
