"""Responses that are the same for everyone, kept and repeated without the application.

Discovery documents and keys are requested far more often than they change, so they are kept for a moment.
Only plain requests are answered this way: a request with a cookie, a query, credentials or any header that is
not known to be harmless goes to the application, as does a request for any other response.

Static files and the like are constants: they are kept for good, and repeated whatever cookies or credentials
a request has. Requests for a constant that ask for a range, or have a body or an underscore in a header's
name, go to the application.
"""

import gzip
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from provider.infrastructure import metrics
from provider.infrastructure.opaque_tokens import new_id
from provider.server.environ import Scope
from provider.server.response import Response

Headers = list[tuple[bytes, bytes]]

# None of these changes the response to a plain request, apart from the last two, which are obeyed here.
_HARMLESS = frozenset(
    {
        *(b"host", b"connection", b"keep-alive", b"user-agent", b"referer", b"origin", b"dnt", b"priority"),
        *(b"accept", b"accept-language", b"cache-control", b"pragma", b"te", b"upgrade-insecure-requests"),
        *(b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user", b"sec-gpc"),
        *(b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"traceparent", b"tracestate"),
        *(b"via", b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port"),
        *(b"x-forwarded-proto", b"x-forwarded-prefix", b"x-forwarded-server", b"x-real-ip", b"x-request-id"),
        *(b"accept-encoding", b"if-none-match"),
    }
)
# With one of these, or with an underscore in a header's name, a request for a constant goes to the
# application.
_NOT_FOR_CONSTANTS = frozenset(
    {
        *(b"content-length", b"transfer-encoding", b"expect", b"range", b"if-range"),
        *(b"if-match", b"if-modified-since", b"if-unmodified-since"),
    }
)
# Headers that are set anew for each response, and those that only a response with a body has.
_OWN = frozenset({b"x-request-id", b"content-length", b"etag", b"date"})
_OF_BODY = frozenset({b"content-type", b"content-encoding", b"content-length"})
# A response with one of these headers is not the same for everyone.
_OF_ONE = frozenset({b"set-cookie", b"content-encoding"})
# rfc9110 §12.4.2: a coding with the weight 0 is not acceptable.
_REFUSED = re.compile(rb"q=0(?:\.0{0,3})?")
# Below this size, compression saves no packet.
_WORTH_PACKING = 512
_OK, _NOT_MODIFIED = 200, 304


@dataclass(frozen=True, slots=True)
class Shared:
    """A response that may be repeated: its name in the metrics, and how long it is kept; None is for good."""

    name: str
    kept_for: timedelta | None = None

    @property
    def is_constant(self) -> bool:
        """Whether nothing in a request changes the response."""
        return self.kept_for is None

    @property
    def seconds(self) -> float:
        """How many seconds the response is kept."""
        return math.inf if self.kept_for is None else self.kept_for.total_seconds()


class Wanted(NamedTuple):
    """A request for a shared response; `address` includes the query."""

    address: bytes
    method: str
    takes_gzip: bool
    known_tags: bytes


class Form(NamedTuple):
    """A body in one coding, with the headers of every response with this body."""

    headers: Headers
    tag: bytes
    body: bytes


class Snapshot(NamedTuple):
    """The response of the application to a plain GET, and the same compressed, if that is worthwhile."""

    plain: Form
    packed: Form | None
    fresh_until: float

    def response_to(self, wanted: Wanted) -> Response:
        """Return the response to a request: plain, compressed, or a 304 (rfc9110 §13.1.2)."""
        form = self.packed if self.packed is not None and wanted.takes_gzip else self.plain
        own = (b"x-request-id", new_id().hex.encode())
        if wanted.known_tags and form.tag and _is_known(form.tag, wanted.known_tags):
            return Response(
                _NOT_MODIFIED, [*(one for one in form.headers if one[0] not in _OF_BODY), own], b""
            )
        return Response(_OK, [*form.headers, own], b"" if wanted.method == "HEAD" else form.body)


class Snapshots:
    """The shared responses of one process, by address."""

    def __init__(
        self, shared: Mapping[str, Shared], issuer_path: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        # Proxies may keep the issuer's path or remove it.
        self._shared = {
            f"{path}{address}".encode(): about
            for address, about in shared.items()
            for path in {"", issuer_path}
        }
        self._now = now
        self._kept: dict[bytes, Snapshot] = {}

    def wanted(self, scope: Scope) -> Wanted | None:
        """Return the shared response that a request wants, or None if it wants another."""
        address, query = scope["raw_path"], scope["query_string"]
        if query:
            address = address + b"?" + query
        shared = self._shared.get(address)
        if shared is None or scope["method"] not in ("GET", "HEAD"):
            return None
        headers = _combined(scope["headers"])
        if not (_may_be_constant(headers) if shared.is_constant else headers.keys() <= _HARMLESS):
            return None
        takes_gzip = _takes_gzip(headers.get(b"accept-encoding", b""))
        return Wanted(address, scope["method"], takes_gzip, headers.get(b"if-none-match", b""))

    def repeat(self, wanted: Wanted) -> Response | None:
        """Return the response from a fresh snapshot, counted in the metrics, or None if there is none."""
        begun, snapshot = self._now(), self._kept.get(wanted.address)
        if snapshot is None or begun >= snapshot.fresh_until:
            return None
        response = snapshot.response_to(wanted)
        name = self._shared[wanted.address].name
        metrics.count_request(name, wanted.method, response.status, self._now() - begun)
        return response

    def keep(self, wanted: Wanted, response: Response) -> Response | None:
        """Keep the application's response to a plain GET, and return it for this request.

        None if it is not the same for everyone; then the application must answer the request itself. A
        failure is returned but not kept.
        """
        if response.status != _OK:
            return response._replace(body=b"") if wanted.method == "HEAD" else response
        shared = self._shared[wanted.address]
        if not _is_for_everyone(response, shared):
            return None
        snapshot = _snapshot(response, self._now() + shared.seconds)
        self._kept[wanted.address] = snapshot
        return snapshot.response_to(wanted)


def _snapshot(response: Response, fresh_until: float) -> Snapshot:
    headers = [pair for pair in response.headers if pair[0] not in _OWN]
    tag = dict(response.headers).get(b"etag", b"")
    if len(response.body) < _WORTH_PACKING:
        return Snapshot(_form(headers, tag, response.body), None, fresh_until)
    headers.append((b"vary", b"Accept-Encoding"))
    # A strong validator identifies one form only (rfc9110 §8.8.3.3).
    packed_tag = tag[:-1] + b'-gzip"' if tag else tag
    packed = gzip.compress(response.body, mtime=0)
    return Snapshot(
        _form(headers, tag, response.body),
        _form([*headers, (b"content-encoding", b"gzip")], packed_tag, packed),
        fresh_until,
    )


def _form(headers: Headers, tag: bytes, body: bytes) -> Form:
    tags = [(b"etag", tag)] if tag else []
    return Form([*headers, *tags, (b"content-length", str(len(body)).encode())], tag, body)


def _combined(lines: Headers) -> dict[bytes, bytes]:
    """Return headers by name; a list may be spread over several lines (rfc9110 §5.3)."""
    headers = dict(lines)
    if len(headers) == len(lines):
        return headers
    headers.clear()
    for name, value in lines:
        headers[name] = b",".join((headers[name], value)) if name in headers else value
    return headers


def _may_be_constant(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether these headers leave a constant response unchanged."""
    special = headers.keys() & _NOT_FOR_CONSTANTS
    # rfc9110 §13.1.3: 'A recipient MUST ignore If-Modified-Since if the request contains If-None-Match'.
    if special == {b"if-modified-since"} and b"if-none-match" in headers:
        special = set()
    return not special and not any(b"_" in name for name in headers)


def _is_for_everyone(response: Response, shared: Shared) -> bool:
    headers = dict(response.headers)
    if not headers.keys().isdisjoint(_OF_ONE):
        return False
    tag = headers.get(b"etag", b"")
    if shared.is_constant:
        return not tag or tag.startswith(b'"')
    is_public = headers.get(b"cache-control", b"").startswith(b"public")
    return is_public and tag.startswith(b'"') and b"vary" not in headers


def _takes_gzip(accepted: bytes) -> bool:
    for part in accepted.lower().split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip() in (b"gzip", b"x-gzip"):
            return not _REFUSED.fullmatch(weight.replace(b" ", b""))
    return False


def _is_known(tag: bytes, known: bytes) -> bool:
    """Return whether the sender already has this form; weak comparison (rfc9110 §13.1.2)."""
    tags = {one.strip().removeprefix(b"W/") for one in known.split(b",")}
    return tag in tags or b"*" in tags
