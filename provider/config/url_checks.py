"""Checks of the settings that are URLs."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from provider.config.declared_settings import DeclaredSettings

# The first path segments of the provider's own addresses; a test compares them with the routes.
OWN_SEGMENTS = frozenset(
    {
        *(".well-known", "account", "admin", "api", "apps", "authorize", "consent", "device"),
        *("device-authorization", "favicon.ico"),
        *("global-token-revocation", "health", "introspect", "jwks", "metrics", "openapi.json", "par"),
        *("register", "revoke", "robots.txt", "session", "sign-in", "static", "token", "userinfo"),
    }
)
# Neither empty nor `.` or `..`, and without characters that a browser or a proxy rewrites.
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]+", re.ASCII)
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def url_problems(settings: DeclaredSettings) -> Iterator[str]:
    """Yield what is wrong with the issuer and the addresses of database and broker."""
    yield from _issuer_problems(settings.issuer)
    if settings.database_url and not settings.database_url.startswith(
        ("sqlite:///", "postgresql+psycopg://")
    ):
        yield "database_url must begin with sqlite:/// or postgresql+psycopg://"
    if settings.database_url.startswith("postgresql") and find_spec("psycopg") is None:
        yield "database_url needs the driver for PostgreSQL: pip install 'curfew-op[postgres]'"
    if settings.broker_url and not settings.broker_url.startswith(
        ("redis://", "rediss://", "redis+socket://")
    ):
        yield "broker_url must begin with redis:// or rediss://"
    elif not _is_url(settings.broker_url):
        yield "broker_url must be a URL"


def _is_url(text: str) -> bool:
    try:
        urlsplit(text).port  # noqa: B018 – a port that is no number is found when it is asked for.
    except ValueError:
        return False
    return True


def _issuer_problems(issuer: str) -> Iterator[str]:
    if not _is_url(issuer):
        yield "issuer must be a URL"
        return
    url = urlsplit(issuer)
    # discovery §3: the issuer is an https URL without query and fragment; localhost is for development.
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname in LOOPBACK_HOSTS):
        yield "issuer must be an https URL (http only for localhost)"
    elif not url.hostname or url.query or url.fragment or "?" in issuer or "#" in issuer:
        yield "issuer must have a host and neither query nor fragment"
        return
    if issuer.endswith("/"):
        yield "issuer must not end with a slash"
    elif url.path:
        yield from _path_problems(url.path)


def _path_problems(path: str) -> Iterator[str]:
    first, *others = path.removeprefix("/").split("/")
    if not all(map(_SEGMENT.fullmatch, (first, *others))):
        yield "issuer path must consist of letters, digits, '-', '_', '.' and '~', such as https://id.example/auth"
    elif first in OWN_SEGMENTS:
        # If a proxy removes the issuer's path, such an address would be ambiguous.
        yield f"issuer must not have a path that begins with /{first}, an address of the provider itself"
