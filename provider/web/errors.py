"""The form of every error: JSON or a page, depending on the route, or a redirect to the app.

An error is redirected only after the endpoint has proven the address (`send_errors_to`), and never when
it is about the client or the redirect URI itself (rfc6749 §4.1.2.1). No error reveals internals; its
reference is the correlation id under which our log has the details.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from provider.infrastructure import event_log
from provider.infrastructure.database_errors import is_deadlock, is_unreachable
from provider.keys.keyring import NoSigningKey
from provider.oauth.client_proof import refusals
from provider.oauth.client_proof.encryption import KeyLacking
from provider.protocol.dpop_proof import PROOF_ALGORITHMS
from provider.protocol.errors import (
    BodyTooLarge,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidClient,
    InvalidToken,
    MissingToken,
    ProtocolError,
    TemporarilyUnavailable,
)
from provider.protocol.problems import TYPE_PREFIX
from provider.web.authorization_response import ResponseAddress, respond_to_app, show_redirect
from provider.web.error_pages import error_page
from provider.web.methods import allowed_methods
from provider.web.notes import notes
from provider.web.route import Speaks
from provider.web.routes import current_route, speaks_here

# rfc6749 §5.2: the characters that error_description may have.
_UNSAYABLE = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")
_REALM = "curfew"
_NAMES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error as it is sent."""

    status: int
    error: str
    description: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    members: Mapping[str, object] = field(default_factory=dict)


def install(app: Flask) -> None:
    """Have an application answer every error in the form of its route."""
    app.register_error_handler(ProtocolError, on_protocol_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(KeyLacking, _on_lacking_key)
    for kind in (DBAPIError, PoolTimeout):
        app.register_error_handler(kind, _on_lost_database)


def send_errors_to(to: ResponseAddress) -> None:
    """Send errors to the app at its proven redirect URI from now on."""
    notes()["errors_to"] = to


def on_protocol_error(exc: ProtocolError) -> AnyResponse:
    """Answer an error of a specification: as redirect where that is proven, else as JSON or page."""
    event_log.info(
        "request_refused",
        endpoint=request.endpoint,
        error=exc.error,
        description=_sayable(exc.description),
        detail=exc.detail,
    )
    if exc.refusal is not None:
        refusals.record(exc.refusal)
    app = notes().get("errors_to")
    if app and exc.redirectable:
        try:
            return _redirect_to_app(exc, app)
        except (NoSigningKey, KeyLacking, SQLAlchemyError) as failure:
            # jarm: an app that expects signed or encrypted responses gets no plain one; a page is shown.
            event_log.error("answer_not_signed", client_id=app.client_id, kind=type(failure).__name__)
    return respond(
        ErrorResponse(
            status=exc.status_code,
            error=exc.error,
            description=_sayable(exc.description),
            headers=_challenge(exc) | _retry_after(exc),
            members=exc.members,
        )
    )


def _redirect_to_app(exc: ProtocolError, to: ResponseAddress) -> AnyResponse:
    """Send an error to the app at its redirect URI (rfc6749 §4.1.2.1)."""
    description = _sayable(exc.description)
    # A silent request in a frame shows the person nothing, and no page of ours can be shown in a frame.
    if to.unchecked_host and request.headers.get("Sec-Fetch-Dest") != "iframe":
        return show_redirect(to, exc.error, description, exc.status_code)
    return respond_to_app(to, {"error": exc.error, "error_description": description})


def respond(error: ErrorResponse) -> Response:
    """Return an error in the form that the address speaks: JSON for programs, a page for people."""
    match speaks_here():
        case Speaks.JSON:
            response = _json_error(error)
        case Speaks.PROBLEM:
            response = _problem(error)
        case _:
            response = error_page(error.status, error.error, error.description)
    response.headers.extend(error.headers)
    return response


def _json_error(error: ErrorResponse) -> Response:
    """Return an error as rfc6749 §5.2 writes it."""
    body: dict[str, str | int] = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    route = current_route()
    if route is not None and route.error_code is not None:
        body["code"] = route.error_code(error.error)
    response = jsonify(body)
    response.status_code = error.status
    return response


def _problem(error: ErrorResponse) -> Response:
    """Return an error as rfc9457 writes it; `instance` identifies the request in our log."""
    body: dict[str, object] = {
        "type": TYPE_PREFIX + error.error,
        "title": error.error.replace("_", " ").capitalize(),
        "status": error.status,
        "instance": f"urn:curfew:request:{event_log.correlation_id()}",
    }
    response = jsonify(
        body | ({"detail": error.description} if error.description else {}) | dict(error.members)
    )
    response.status_code, response.mimetype = error.status, "application/problem+json"
    return response


def _on_http_exception(exc: HTTPException) -> AnyResponse:
    if isinstance(exc, RequestEntityTooLarge):
        return on_protocol_error(BodyTooLarge("the request body is too large"))
    if exc.response is not None:
        return cast("AnyResponse", exc.response)
    status = exc.code or 500
    event_log.info("request_refused", endpoint=request.endpoint, status=status)
    allow = ", ".join(allowed_methods()) if status == HTTPStatus.METHOD_NOT_ALLOWED else ""
    return respond(
        ErrorResponse(
            status=status,
            error=_NAMES.get(status, "server_error" if status >= 500 else "invalid_request"),
            headers={"Allow": allow} if allow else {},
        )
    )


def _on_lacking_key(exc: KeyLacking) -> AnyResponse:
    """Answer a request during which the client's keys were withdrawn."""
    event_log.warning("client_key_lacking", client_id=exc.client.client_id, answer=exc.response)
    return on_protocol_error(TemporarilyUnavailable("the client's keys could not be used; retry later"))


def _on_lost_database(exc: Exception) -> AnyResponse:
    """Answer 503 without the database: no one is signed in and nothing is restored (INV-15)."""
    if is_deadlock(exc):
        # The request was rolled back; sending it again is enough.
        event_log.error("database_deadlock", endpoint=request.endpoint)
        return on_protocol_error(TemporarilyUnavailable("a concurrent request changed the same data; retry"))
    if not is_unreachable(exc):
        raise exc
    event_log.error("database_unreachable", endpoint=request.endpoint, kind=type(exc).__name__)
    return on_protocol_error(TemporarilyUnavailable("the provider is temporarily unavailable; retry later"))


def _challenge(exc: ProtocolError) -> dict[str, str]:
    """Return the challenge that goes with a 401 (rfc9110 §11.6.1) or a scope that is missing."""
    match exc:
        case MissingToken():
            return {"WWW-Authenticate": f'Bearer realm="{_REALM}"'}
        case InvalidToken() | InsufficientScope():
            scope = f', scope="{exc.scope}"' if isinstance(exc, InsufficientScope) and exc.scope else ""
            if isinstance(exc, InsufficientUserAuthentication):
                scope = f', max_age="{exc.max_age}"'
            said = f'error="{exc.error}", error_description="{_sayable(exc.description)}"{scope}'
            if request.authorization is not None and request.authorization.type == "dpop":
                # rfc9449 §7.1: 'algs' lists the algorithms of proofs.
                said += f', algs="{" ".join(PROOF_ALGORITHMS)}"'
                return {"WWW-Authenticate": f'DPoP realm="{_REALM}", {said}'}
            return {"WWW-Authenticate": f'Bearer realm="{_REALM}", {said}'}
        case InvalidClient(status_code=401):
            return {"WWW-Authenticate": f'Basic realm="{_REALM}"'}
        case _:
            return {}


def _retry_after(exc: ProtocolError) -> dict[str, str]:
    return {"Retry-After": str(exc.retry_after)} if isinstance(exc, TemporarilyUnavailable) else {}


def _sayable(description: str) -> str:
    return _UNSAYABLE.sub("?", description.replace('"', "'"))
