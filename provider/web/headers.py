"""What every response says besides its content (SEC-303), errors and redirects included."""

import re

from flask import Response, request

from provider.infrastructure import current, event_log
from provider.web.notes import notes

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
_ONE_YEAR = 365 * 24 * 3600


def allow_form_action(uri: str) -> None:
    """Let this page's form lead to an app whose address begins like this one.

    Chromium applies `form-action` to every redirect that follows a form. After a sign-in or a sign-out
    these lead to the app, which may well go on to another host of its own; an origin alone would break
    such an app, so the whole scheme is allowed. Only addresses that a client registered belong here.
    """
    scheme, colon, _ = uri.partition(":")
    if colon and _SCHEME.fullmatch(scheme):
        _form_sources().append(f"{scheme}:")


def write(response: Response) -> Response:
    """Add the headers; what a response has decided for itself stays."""
    fixed = {
        "Content-Security-Policy": _policy(),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Request-Id": event_log.correlation_id(),
    }
    if current.settings().is_https:
        fixed["Strict-Transport-Security"] = f"max-age={_ONE_YEAR}; includeSubDomains"
    for name, value in fixed.items():
        response.headers.setdefault(name, value)
    _say_how_to_cache(response)
    return response


def _say_how_to_cache(response: Response) -> None:
    if request.endpoint == "static" and response.status_code in (200, 304):
        # The address holds a digest of the content, so that a new content has a new address.
        lifetime = f"max-age={_ONE_YEAR}, immutable" if "v" in request.args else "max-age=300"
        response.headers["Cache-Control"] = f"public, {lifetime}"
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("Cookie")


def _policy() -> str:
    form_action = " ".join(["'self'", *dict.fromkeys(_form_sources())])
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    )


def _form_sources() -> list[str]:
    sources: list[str] = notes().setdefault("form_sources", [])
    return sources
