"""Headers of every response (SEC-303), errors and redirects included."""

import re
from collections.abc import Iterable, Mapping

from flask import Response

from provider.infrastructure import current, event_log
from provider.web.notes import notes

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
_ONE_YEAR = 365 * 24 * 3600
_STRICT = {
    "default-src": ["'none'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def allow_form_action(uri: str) -> None:
    """Let this page's form lead to an app whose address begins like this one.

    Chromium applies `form-action` to every redirect that follows a form. After a sign-in or a sign-out
    these lead to the app, which may redirect to another host of its own; allowing a single origin would
    break such an app, so the scheme is allowed. Only addresses that a client registered belong here.
    """
    scheme, colon, _ = uri.partition(":")
    if colon and _SCHEME.fullmatch(scheme):
        _sources("form-action").append(f"{scheme}:")


def allow_script(*, connects: bool = False) -> None:
    """Let this page run our own script files, and let them send requests to us if it `connects`."""
    _sources("script-src").append("'self'")
    if connects:
        _sources("connect-src").append("'self'")


def allow_frames(origins: Iterable[str]) -> None:
    """Let this page contain frames of these origins and no others."""
    _sources("frame-src").extend(origins)


def allow_framing() -> None:
    """Let any site show this page in a frame: for the one page without controls (THR-17)."""
    _sources("frame-ancestors").append("*")


def write(response: Response) -> Response:
    """Add the headers that the response does not have already."""
    sources = {name: tuple(added) for name, added in notes().get("policy_sources", {}).items() if added}
    fixed = {
        **_FIXED,
        "Content-Security-Policy": _policy(sources) if sources else _STRICT_POLICY,
        "X-Request-Id": event_log.correlation_id(),
    }
    if "frame-ancestors" not in sources:
        fixed["X-Frame-Options"] = "DENY"
    if current.settings().is_https:
        fixed["Strict-Transport-Security"] = f"max-age={_ONE_YEAR}; includeSubDomains"
    # Looking for each of them alone would compare all names as often.
    written = {name.lower() for name, _ in response.headers}
    for name, value in fixed.items():
        if name.lower() not in written:
            response.headers.add(name, value)
    if "cache-control" not in written:
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("Cookie")
    return response


def _policy(added: Mapping[str, Iterable[str]]) -> str:
    directives = _STRICT | {
        name: [*(source for source in _STRICT.get(name, ()) if source != "'none'"), *dict.fromkeys(sources)]
        for name, sources in added.items()
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


_STRICT_POLICY = _policy({})


def _sources(directive: str) -> list[str]:
    """Return the sources that this page allows beyond the strict policy; callers add to the list."""
    sources: dict[str, list[str]] = notes().setdefault("policy_sources", {})
    return sources.setdefault(directive, [])
