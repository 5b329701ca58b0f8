"""Which methods an address answers: HEAD, OPTIONS and every `Allow` follow from it (rfc9110 §10.2.1)."""

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from provider.web.addresses_for_programs import is_open_to_scripts

# Only these may be asked for by HEAD: answering them changes nothing (SEC-404).
_HEAD_PREFIXES = ("/.well-known/", "/static/", "/health/")
_HEAD_PATHS = frozenset({"/", "/jwks"})


def install(app: Flask) -> None:
    """Refuse HEAD where GET may change something: the framework would run GET for it."""
    app.before_request(_refuse_head)


def allowed_methods() -> list[str]:
    """Return the methods that the address at hand answers; nothing if there is no such address."""
    try:
        named = set(current_app.create_url_adapter(request).allowed_methods())  # type: ignore[union-attr]  # A request has one.
    except HTTPException:
        return []
    if not named:
        return []
    if not _answers_head():
        named.discard("HEAD")
    if is_open_to_scripts(request.path):
        named.add("OPTIONS")
    return sorted(named)


def answer_options() -> Response:
    """Answer a plain OPTIONS."""
    return Response(status=204, headers={"Allow": ", ".join(allowed_methods())})


def _answers_head() -> bool:
    return request.path in _HEAD_PATHS or request.path.startswith(_HEAD_PREFIXES)


def _refuse_head() -> None:
    if request.method == "HEAD" and request.routing_exception is None and not _answers_head():
        raise MethodNotAllowed(valid_methods=allowed_methods())
