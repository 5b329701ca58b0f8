"""What every response says besides its content (SEC-303), errors and redirects included."""

import re
from urllib.parse import urlsplit

from flask import Response, request

from provider.infrastructure import current, event_log
from provider.web.notes import notes

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"[a-z0-9.-]+")
_ONE_YEAR = 365 * 24 * 3600


def allow_form_action(uri: str) -> None:
    """Let this page's form lead to another party's address.

    Chromium applies `form-action` to the redirects that follow a form, and after a sign-in or a
    sign-out these lead to the relying party. Only addresses that the client registered belong here.
    """
    source = _source_of(uri)
    if source:
        _form_sources().append(source)


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


def _source_of(uri: str) -> str:
    """Return an address as a source of the policy: its origin, or its scheme where there is no plain host."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not _SCHEME.fullmatch(parts.scheme):
        return ""
    # The policy's grammar knows no IPv6 literals and no hosts in an app's own scheme.
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
