"""Headers of every response (SEC-303), errors and redirects included."""

import re
from collections.abc import Iterable
from functools import lru_cache

from provider.config import Settings
from provider.infrastructure import event_log
from provider.web.notes import notes
from provider.web.response import Pairs, Response

_NOTE, _NEVER = "policy_sources", "never_stored"
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
_FIXED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_NEVER_STORED = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_NOT_IN_FRAMES = ("X-Frame-Options", "DENY")
_HTTPS_ALONE = ("Strict-Transport-Security", f"max-age={_ONE_YEAR}; includeSubDomains")


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


def never_store() -> None:
    """Forbid all caches to keep this response, which holds tokens or claims (rfc6749 §5.1)."""
    notes()[_NEVER] = True


def write(settings: Settings, response: Response) -> None:
    """Add the headers that the response does not have already."""
    response.added = [("X-Request-Id", event_log.correlation_id()), *_about_content(settings)]
    if _NEVER in notes():
        response.added += _NEVER_STORED
        return
    # A lookup of a single header would compare all names.
    written = {name for name, _ in response.headers}
    if "Cache-Control" in written:
        return
    response.headers.add("Cache-Control", "no-store")
    if "Vary" not in written:
        response.headers.add("Vary", "Cookie")
    elif "cookie" not in (varies := response.headers["Vary"]).lower():
        # Going through Werkzeug's header set takes several times as long.
        response.headers["Vary"] = f"{varies}, Cookie"


def _about_content(settings: Settings) -> Pairs:
    sources = notes().get(_NOTE)
    policy = _policy(tuple((name, *added) for name, added in sources.items())) if sources else _STRICT_POLICY
    pairs = [*_FIXED, ("Content-Security-Policy", policy)]
    if not (sources and sources.get("frame-ancestors")):
        pairs.append(_NOT_IN_FRAMES)
    if settings.is_https:
        pairs.append(_HTTPS_ALONE)
    return pairs


@lru_cache(maxsize=64)
def _policy(added: tuple[tuple[str, ...], ...]) -> str:
    """Return the strict policy with the sources that are added to a directive, whose name comes first."""
    directives = _STRICT | {
        name: [*(source for source in _STRICT.get(name, ()) if source != "'none'"), *dict.fromkeys(sources)]
        for name, *sources in added
        if sources
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


_STRICT_POLICY = _policy(())


def _sources(directive: str) -> list[str]:
    """Return the sources that this page allows beyond the strict policy; callers add to the list."""
    sources: dict[str, list[str]] = notes().setdefault(_NOTE, {})
    return sources.setdefault(directive, [])
