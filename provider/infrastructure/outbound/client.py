"""The outbound client: requests' messages, sent by an adapter that resolves, checks and pins addresses.

There is no requests session: it would follow what an answer says, keep its cookies, ask the
environment for proxies and secrets, and cost as much as the call itself.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, BaseAdapter
from requests.structures import CaseInsensitiveDict

from provider.infrastructure.outbound.connections import (
    Connection,
    Exchange,
    IdleConnections,
    ask,
    named_failures,
)
from provider.infrastructure.outbound.policy import (
    IPAddress,
    OutboundFailure,
    OutboundPolicy,
    RefusedTarget,
)
from provider.infrastructure.outbound.resolver import BoundedResolver, Deadline, Resolve, ask_system
from provider.infrastructure.outbound.sighting import Sighting, see
from provider.infrastructure.outbound.sockets import checked_peer, connect, shake_hands, trust
from provider.infrastructure.outbound.target import Target, admit

# Hosts whose last address is known; a memory for fairness, that may be lost at any time.
MAX_REMEMBERED = 10_000
OUR_HEADERS = {"User-Agent": "Curfew", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """An answer: any status with its headers, and as much of the body as the cap allowed."""

    status: int
    # Names are looked up without regard to case.
    headers: Mapping[str, str]
    body: bytes
    elapsed: timedelta


class OutboundClient:
    """Calls other parties; may be shared by many threads."""

    def __init__(self, policy: OutboundPolicy, *, resolve: Resolve = ask_system) -> None:
        self._policy = policy
        self._adapter = _Adapter(policy, resolve)

    @property
    def policy(self) -> OutboundPolicy:
        """The operator's rules, by which a URL is judged at registration too."""
        return self._policy

    def post_form(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        headers: Mapping[str, str] = {},
        total_deadline: timedelta | None = None,
    ) -> OutboundResponse:
        """POST a form; any status that arrived is an answer, whatever became of the body (FLT-21)."""
        started = time.monotonic()
        body = urlencode(fields).encode("ascii")
        form = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
        }
        reply, exchange = self._send(("POST", url, body), {**headers, **form}, total_deadline)
        return _answer(reply, exchange.first_bytes(self._policy.max_body_bytes), started)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        max_body_bytes: int | None = None,
        total_deadline: timedelta | None = None,
    ) -> OutboundResponse:
        """GET a document; a body that is cut off or over the limit is a failure."""
        started = time.monotonic()
        limit = self._policy.max_body_bytes if max_body_bytes is None else max_body_bytes
        reply, exchange = self._send(("GET", url, None), headers, total_deadline)
        return _answer(reply, exchange.whole_body(limit), started)

    def address_of(self, url: str) -> str | None:
        """Return the address that this URL's host had at the last call, if there was one."""
        address = self._adapter.last_address_of(url)
        return None if address is None else str(address)

    def look(self, url: str) -> Sighting:
        """Resolve, check and connect as a call would, say nothing, and tell what was seen."""
        return self._adapter.look(Target.parse(url), Deadline(self._policy.total_deadline))

    def close(self) -> None:
        """Close the idle connections; calls under way end by themselves."""
        self._adapter.close()

    def _send(
        self,
        message: tuple[str, str, bytes | None],
        headers: Mapping[str, str],
        total_deadline: timedelta | None,
    ) -> tuple[requests.Response, Exchange]:
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.body = message
        # Requests would strip, escape and fold what we want to refuse; what is left needs no preparation.
        target = Target.parse(message[1])
        ours = {"Accept-Encoding": "identity", "Host": target.authority}
        prepared.headers = CaseInsensitiveDict({**OUR_HEADERS, **headers, **ours})
        seconds = (total_deadline or self._policy.total_deadline).total_seconds()
        reply = self._adapter.send(prepared, timeout=seconds)
        if not isinstance(reply.raw, Exchange):
            raise TypeError("the answer did not come through our adapter")
        return reply, reply.raw


class _Adapter(BaseAdapter):
    def __init__(self, policy: OutboundPolicy, resolve: Resolve) -> None:
        super().__init__()
        self._policy = policy
        self._resolver = BoundedResolver(resolve)
        self._idle = IdleConnections()
        self._last_addresses: dict[str, IPAddress] = {}
        # What the policy, which never changes, has admitted already.
        self._admitted: dict[Target, tuple[IPAddress, ...]] = {}
        # Loaded once and at the start: a bundle that is missing is our own error, never an RP's (FLT-49).
        self._tls = trust(str(policy.ca_bundle or DEFAULT_CA_BUNDLE_PATH))

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send to a checked address; proxies and other roots than the operator's are ignored on purpose."""
        del stream, verify, cert, proxies
        if not isinstance(timeout, float) or not request.url:
            raise TypeError("a total deadline and a URL are needed")
        deadline = Deadline(timedelta(seconds=timeout))
        target = Target.parse(request.url)
        addresses = self._checked_addresses(target, deadline)
        reply = requests.Response()
        reply.request, reply.url = request, request.url
        exchange, reply.status_code, reply.headers = self._exchange(request, target, addresses, deadline)
        reply.raw = exchange
        return reply

    def last_address_of(self, url: str) -> IPAddress | None:
        try:
            return self._last_addresses.get(Target.parse(url).host)
        except RefusedTarget:
            return None

    def look(self, target: Target, deadline: Deadline) -> Sighting:
        """Connect freshly and look at the socket."""
        addresses = self._checked_addresses(target, deadline)
        connection = self._connect(target, addresses, deadline)
        try:
            with named_failures():
                return see(connection.wire, addresses)
        finally:
            connection.close()

    def close(self) -> None:
        self._idle.close()

    def _checked_addresses(self, target: Target, deadline: Deadline) -> tuple[IPAddress, ...]:
        addresses = target.known_addresses(self._policy)
        if not addresses:
            addresses = self._resolver.addresses(target.host, target.port, deadline)
        if self._admitted.get(target) != addresses:
            admit(target, addresses, self._policy)
            if len(self._admitted) >= MAX_REMEMBERED:
                self._admitted.clear()
            self._admitted[target] = addresses
        if len(self._last_addresses) >= MAX_REMEMBERED:
            self._last_addresses.clear()
        self._last_addresses[target.host] = addresses[0]
        return addresses

    def _exchange(
        self,
        request: requests.PreparedRequest,
        target: Target,
        addresses: tuple[IPAddress, ...],
        deadline: Deadline,
    ) -> tuple[Exchange, int, "CaseInsensitiveDict[str]"]:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        message = (request.method or "", target.request_target, body)
        limit = self._policy.max_header_bytes
        connection = self._idle.take((target.scheme, target.host, target.port), addresses)
        response = None
        if connection is not None:
            try:
                response = ask(connection, message, request.headers, deadline, limit)
            except OutboundFailure as failure:
                # The server closed an idle connection just as we wrote: not a word came back, so once more on
                # a fresh one. A fresh connection that ends in silence is the caller's to judge; and a POST
                # always is (rfc9110 §9.2.2), for silence does not say that it was not processed, and a Logout
                # Token must not come twice (DLV-07: each try has its own `jti`).
                is_safe = request.method == "GET"
                if not is_safe or failure.kind not in ("reset", "tls") or connection.wire.received:
                    raise
        if connection is None or response is None:
            connection = self._connect(target, addresses, deadline)
            response = ask(connection, message, request.headers, deadline, limit)
        headers = CaseInsensitiveDict(response.getheaders())
        return Exchange(connection, response, self._idle), response.status, headers

    def _connect(self, target: Target, addresses: tuple[IPAddress, ...], deadline: Deadline) -> Connection:
        sock = connect(addresses, target.port, deadline, self._policy.connect_timeout)
        try:
            peer = checked_peer(sock, addresses)
            if target.scheme == "https":
                sock = shake_hands(sock, self._tls, target.host, deadline)
        except TimeoutError as exc:
            raise OutboundFailure("timeout", "the TLS handshake took too long") from exc
        except OutboundFailure:
            sock.close()
            raise
        return Connection(target, sock, peer)


def _answer(reply: requests.Response, body: bytes, started: float) -> OutboundResponse:
    elapsed = timedelta(seconds=time.monotonic() - started)
    return OutboundResponse(reply.status_code, reply.headers, body, elapsed)
