"""The logos of clients (registration §2 `logo_uri`), fetched through the guarded HTTP client and cached.

A person's browser never asks an app's host for its logo: the host would learn who is about to sign in, and
from where. Each process caches some logos; a page is shown without a logo that cannot be fetched.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from provider.clients import fetch_slots
from provider.clients.fetch_slots import NoSlotFree
from provider.clients.models import Client
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.outbound_http import OutboundFailure
from provider.protocol.uri import MalformedURI, parse_web_uri

_LARGEST = 256 * 1024
_DEADLINE = timedelta(seconds=3)
_FRESH_FOR = timedelta(days=1)
_LOOK_AGAIN_AFTER = timedelta(minutes=5)
MOST_REMEMBERED = 200
# The first bytes of each type. SVG is not among them, because it may contain scripts.
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is shown; the digest of its content is its version."""

    content: bytes = field(repr=False)
    media_type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Look:
    """The result of fetching a logo, and when."""

    logo: Logo | None
    at: datetime

    @property
    def is_fresh(self) -> bool:
        """Whether the logo does not have to be fetched again yet."""
        return clock.now() - self.at <= (_FRESH_FOR if self.logo else _LOOK_AGAIN_AFTER)


class Memory:
    """The results that this process keeps, up to a maximum; the oldest goes first."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self.looks: dict[str, Look] = {}
        self._locks: dict[str, Lock] = {}
        self._guard = Lock()

    def lock_of(self, uri: str) -> Lock:
        """Return the lock to hold while fetching an address."""
        with self._guard:
            if len(self._locks) >= self._most:
                self._locks.clear()
            return self._locks.setdefault(uri, Lock())

    def keep(self, uri: str, look: Look) -> None:
        """Store the result of fetching an address."""
        with self._guard:
            self.looks.pop(uri, None)
            while len(self.looks) >= self._most:
                del self.looks[next(iter(self.looks))]
            self.looks[uri] = look


def logo_url_of(client: Client) -> str | None:
    """Return the URL of a client's logo, or None if it has none that may be shown.

    rfc7591 §5: 'a rogue client might use the logo of a legitimate client'; so a self-registered client may
    only show a logo from a host of its redirect URIs.
    """
    uri = client.metadata_.logo_uri
    if uri is None or not client.self_registered:
        return uri
    return uri if _host(uri) in {_host(one) for one in client.metadata_.redirect_uris} else None


def remembered(uri: str) -> Look | None:
    """Return this process's result for a logo, if it is still fresh."""
    look = _memory().looks.get(uri)
    return look if look and look.is_fresh else None


def fetch(uri: str, client: Client) -> Logo | None:
    """Fetch a client's logo, with one request for all concurrent callers. No transaction may be open."""
    memory = _memory()
    try:
        with fetch_slots.logos().hold(uri, fetch_slots.registrant_of(client)), memory.lock_of(uri):
            look = remembered(uri)
            if look is None:
                look = Look(_ask(uri), clock.now())
                memory.keep(uri, look)
            return look.logo
    except NoSlotFree:
        return None


def _ask(uri: str) -> Logo | None:
    wanted = {"Accept": ", ".join(_BEGINNINGS)}
    try:
        response = current.services().outbound.get(
            uri, headers=wanted, max_body_bytes=_LARGEST, total_deadline=_DEADLINE
        )
    except OutboundFailure as exc:
        event_log.warning("logo_not_fetched", logo_uri=uri, kind=exc.kind, detail=exc.detail)
        return None
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if response.status != 200 or not _is_picture(media_type, response.body):
        event_log.warning("logo_not_fetched", logo_uri=uri, kind="no_picture", status=response.status)
        return None
    return Logo(response.body, media_type, hashlib.sha256(response.body).hexdigest())


def _is_picture(media_type: str, body: bytes) -> bool:
    """Return whether a body has the type that its header states, and is a picture."""
    if media_type == "image/webp" and body[8:12] != b"WEBP":
        return False
    return body.startswith(_BEGINNINGS.get(media_type, ()))


def _host(uri: str) -> str | None:
    try:
        return parse_web_uri(uri).host
    except MalformedURI:
        return None


def _memory() -> Memory:
    return current.memo("logos", Memory)
