"""Answers that are the same for everyone, kept for a moment and repeated without the application.

Discovery documents and keys are asked for far more often than they change. Only a plain request is answered
so: one with a cookie, a query, credentials or any header that is not known to be without effect is for the
application, as is everything that it does not declare.
"""

import gzip
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from provider.infrastructure import metrics
from provider.infrastructure.opaque_tokens import new_id
from provider.server.answer import Answer
from provider.server.environ import Scope

Headers = list[tuple[bytes, bytes]]

# None of these changes what is answered to a plain request, apart from the last two, which are obeyed here.
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
# Of each answer anew, or only with a body.
_OWN = frozenset({b"x-request-id", b"content-length"})
_OF_BODY = frozenset({b"content-type", b"content-encoding"})
# An answer with one of these is not the same for everyone.
_OF_ONE = frozenset({b"set-cookie", b"vary", b"content-encoding"})
# rfc9110 §12.4.2: what has the weight 0 is refused.
_REFUSED = re.compile(rb"q=0(?:\.0{0,3})?")
# Below this a packed body saves no packet.
_WORTH_PACKING = 512
_OK, _NOT_MODIFIED = 200, 304


@dataclass(frozen=True, slots=True)
class Wanted:
    """A plain request for a shared answer."""

    address: bytes
    method: str
    takes_gzip: bool
    known_tags: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the application answered to a plain GET, and the same packed, if that is worth it."""

    headers: Headers
    tag: bytes
    body: bytes
    packed: bytes | None
    fresh_until: float

    def answer_to(self, wanted: Wanted) -> Answer:
        """Return this for a request: as it is or packed, or that nothing has changed (rfc9110 §13.1.2)."""
        is_packed = self.packed is not None and wanted.takes_gzip
        body = self.packed if self.packed is not None and is_packed else self.body
        # A strong validator belongs to one form alone (rfc9110 §8.8.3.3).
        tag = self.tag[:-1] + b'-gzip"' if is_packed else self.tag
        headers = [*self.headers, (b"etag", tag), (b"x-request-id", new_id().hex.encode())]
        if _is_known(tag, wanted.known_tags):
            return Answer(_NOT_MODIFIED, [pair for pair in headers if pair[0] not in _OF_BODY], b"")
        if is_packed:
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        return Answer(_OK, headers, b"" if wanted.method == "HEAD" else body)


class Snapshots:
    """The shared answers of one process: by rule, the name that is counted and for how long each is kept."""

    def __init__(
        self,
        shared: Mapping[str, tuple[str, timedelta]],
        issuer_path: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        # Proxies keep the issuer's path or remove it.
        self._shared = {
            f"{path}{rule}".encode(): about for rule, about in shared.items() for path in {"", issuer_path}
        }
        self._now = now
        self._kept: dict[bytes, Snapshot] = {}

    def wanted(self, scope: Scope) -> Wanted | None:
        """Return what a request wants, if it is a plain one for an answer that is shared."""
        address, method = scope["raw_path"], scope["method"]
        if address not in self._shared or method not in ("GET", "HEAD") or scope["query_string"]:
            return None
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name not in _HARMLESS:
                return None
            # rfc9110 §5.3: a list may come in several lines.
            headers[name] = b",".join((headers[name], value)) if name in headers else value
        takes_gzip = _takes_gzip(headers.get(b"accept-encoding", b""))
        return Wanted(address, method, takes_gzip, headers.get(b"if-none-match", b""))

    def repeat(self, wanted: Wanted) -> Answer | None:
        """Return the answer from a fresh snapshot, counted as the application counts, or None."""
        begun, snapshot = self._now(), self._kept.get(wanted.address)
        if snapshot is None or begun >= snapshot.fresh_until:
            return None
        answer = snapshot.answer_to(wanted)
        name, _ = self._shared[wanted.address]
        metrics.REQUESTS.labels(name, wanted.method, str(answer.status)).inc()
        metrics.REQUEST_SECONDS.labels(name).observe(self._now() - begun)
        return answer

    def keep(self, wanted: Wanted, answer: Answer) -> Answer | None:
        """Keep what the application answered to a plain GET, and return it for this request.

        None if it is not for everyone: the application is then to answer the request itself. A failure is
        returned and not kept.
        """
        if answer.status != _OK:
            return replace(answer, body=b"") if wanted.method == "HEAD" else answer
        tag = dict(answer.headers).get(b"etag", b"")
        if not _is_for_everyone(answer, tag):
            return None
        headers = [pair for pair in answer.headers if pair[0] not in _OWN and pair[0] != b"etag"]
        packed = gzip.compress(answer.body, mtime=0) if len(answer.body) >= _WORTH_PACKING else None
        if packed is not None:
            headers.append((b"vary", b"Accept-Encoding"))
        fresh_until = self._now() + self._shared[wanted.address][1].total_seconds()
        snapshot = Snapshot(headers, tag, answer.body, packed, fresh_until)
        self._kept[wanted.address] = snapshot
        return snapshot.answer_to(wanted)


def _is_for_everyone(answer: Answer, tag: bytes) -> bool:
    headers = dict(answer.headers)
    is_public = headers.get(b"cache-control", b"").startswith(b"public")
    return is_public and tag.startswith(b'"') and headers.keys().isdisjoint(_OF_ONE)


def _takes_gzip(accepted: bytes) -> bool:
    for part in accepted.lower().split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip() in (b"gzip", b"x-gzip"):
            return not _REFUSED.fullmatch(weight.replace(b" ", b""))
    return False


def _is_known(tag: bytes, known: bytes) -> bool:
    """Whether the sender has this form already; weak comparison (rfc9110 §13.1.2)."""
    tags = {one.strip().removeprefix(b"W/") for one in known.split(b",")}
    return tag in tags or b"*" in tags
