"""The outbound client: resolves, checks and pins addresses, and speaks HTTP/1.1 over what it has pinned.

It keeps rules that no HTTP library keeps together (LIB-23): the socket's address is one that was checked, one
deadline covers everything, no response is guessed, no POST is repeated. Nothing comes from the environment.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import certifi

from provider.infrastructure.outbound.connections import Connection, Endpoint, IdleConnections
from provider.infrastructure.outbound.policy import (
    IPAddress,
    OutboundFailure,
    OutboundPolicy,
    RefusedTarget,
)
from provider.infrastructure.outbound.request import message
from provider.infrastructure.outbound.resolver import BoundedResolver, Deadline, Resolve, ask_system
from provider.infrastructure.outbound.response import Head
from provider.infrastructure.outbound.sighting import Sighting, see
from provider.infrastructure.outbound.sockets import checked_peer, connect
from provider.infrastructure.outbound.target import Target, admit
from provider.infrastructure.outbound.tls import shake_hands, trust
from provider.infrastructure.outbound.wire import Wire

# Hosts whose last address is known; a memory for fairness, that may be lost at any time.
MAX_REMEMBERED = 10_000
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """A response: any status with its headers, and the body up to the size limit."""

    status: int
    # Names are looked up without regard to case.
    headers: Mapping[str, str]
    body: bytes
    elapsed: timedelta


class OutboundClient:
    """Calls other parties; may be shared by many threads."""

    def __init__(self, policy: OutboundPolicy, *, resolve: Resolve = ask_system) -> None:
        self._policy = policy
        self._resolver = BoundedResolver(resolve)
        self._idle = IdleConnections()
        self._last_addresses: dict[str, IPAddress] = {}
        # Targets with addresses that the policy has already admitted; the policy never changes.
        self._admitted: dict[Target, tuple[IPAddress, ...]] = {}
        # Loaded once and at the start: a bundle that is missing is our own error, never an RP's (FLT-49).
        self._tls = trust(str(policy.ca_bundle or certifi.where()))

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
        """POST a form; any status that arrived is a response, whatever became of the body (FLT-21)."""
        started, target = time.monotonic(), Target.parse(url)
        sent = message("POST", target, {**headers, **_FORM}, urlencode(fields).encode("ascii"))
        connection, head = self._ask(target, sent, self._deadline(total_deadline))
        body, _ = self._read(connection, head, self._policy.max_body_bytes)
        return _response(head, body, started)

    def put(self, url: str, body: bytes, *, headers: Mapping[str, str] = {}) -> OutboundResponse:
        """PUT an object; any status that arrived is a response."""
        started, target = time.monotonic(), Target.parse(url)
        connection, head = self._ask(target, message("PUT", target, headers, body), self._deadline(None))
        body, _ = self._read(connection, head, self._policy.max_body_bytes)
        return _response(head, body, started)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        max_body_bytes: int | None = None,
        total_deadline: timedelta | None = None,
    ) -> OutboundResponse:
        """GET a document; a body that is cut off or over the limit is a failure."""
        started, target = time.monotonic(), Target.parse(url)
        sent = message("GET", target, headers)
        connection, head = self._ask_again(target, sent, self._deadline(total_deadline))
        limit = self._policy.max_body_bytes if max_body_bytes is None else max_body_bytes
        body, trouble = self._read(connection, head, limit)
        if trouble is not None:
            raise trouble
        return _response(head, body, started)

    def address_of(self, url: str) -> str | None:
        """Return the address that this URL's host had at the last call, if there was one."""
        try:
            address = self._last_addresses.get(Target.parse(url).host)
        except RefusedTarget:
            return None
        return None if address is None else str(address)

    def origin_of(self, url: str) -> str | None:
        """Return the origin of a URL, or None for one that is never called."""
        try:
            target = Target.parse(url)
        except RefusedTarget:
            return None
        return f"{target.scheme}://{target.host}:{target.port}"

    def look(self, url: str) -> Sighting:
        """Resolve, check and connect as a call would, send nothing, and return what was seen."""
        target, deadline = Target.parse(url), self._deadline(None)
        addresses = self._checked_addresses(target, deadline)
        wire, peer = self._dial(target, addresses, deadline)
        try:
            return see(wire, peer, addresses)
        finally:
            wire.close()

    def close(self) -> None:
        """Close the idle connections; calls under way finish on their own."""
        self._idle.close()

    def _deadline(self, total_deadline: timedelta | None) -> Deadline:
        return Deadline(total_deadline or self._policy.total_deadline)

    def _ask(self, target: Target, sent: bytes, deadline: Deadline) -> tuple[Connection, Head]:
        """Send a request once, on an idle connection or on a new one."""
        addresses = self._checked_addresses(target, deadline)
        connection = self._idle.take(_endpoint(target), addresses)
        if connection is None:
            connection = self._connect(target, addresses, deadline)
        return connection, connection.ask(sent, deadline, self._policy.max_header_bytes)

    def _ask_again(self, target: Target, sent: bytes, deadline: Deadline) -> tuple[Connection, Head]:
        """Send a repeatable request: if an idle connection ends without a response, again on a new one.

        The server closed the idle connection just as we wrote. Silence on a new connection is left to the
        caller, as is any after a POST (rfc9110 §9.2.2): the request may have been processed, and a Logout
        Token must not come twice (DLV-07: each attempt has its own `jti`).
        """
        addresses = self._checked_addresses(target, deadline)
        connection = self._idle.take(_endpoint(target), addresses)
        if connection is not None:
            try:
                return connection, connection.ask(sent, deadline, self._policy.max_header_bytes)
            except OutboundFailure as failure:
                if failure.kind not in ("reset", "tls") or connection.has_received:
                    raise
        connection = self._connect(target, addresses, deadline)
        return connection, connection.ask(sent, deadline, self._policy.max_header_bytes)

    def _read(self, connection: Connection, head: Head, limit: int) -> tuple[bytes, OutboundFailure | None]:
        """Read the body, and keep the connection if another request may use it."""
        body, trouble = connection.read(head, limit)
        if trouble is None and head.stays and connection.is_usable:
            self._idle.keep(connection)
        else:
            connection.close()
        return body, trouble

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

    def _connect(self, target: Target, addresses: tuple[IPAddress, ...], deadline: Deadline) -> Connection:
        return Connection(_endpoint(target), *self._dial(target, addresses, deadline))

    def _dial(
        self, target: Target, addresses: tuple[IPAddress, ...], deadline: Deadline
    ) -> tuple[Wire, IPAddress]:
        """Connect to one of these addresses, and with https make it a verified TLS connection."""
        sock = connect(addresses, target.port, deadline, self._policy.connect_timeout)
        try:
            peer = checked_peer(sock, addresses)
            if target.scheme == "https":
                return shake_hands(sock, self._tls, target.host, deadline), peer
            return Wire(sock, deadline), peer
        except OutboundFailure:
            sock.close()
            raise


def _endpoint(target: Target) -> Endpoint:
    return target.scheme, target.host, target.port


def _response(head: Head, body: bytes, started: float) -> OutboundResponse:
    elapsed = timedelta(seconds=time.monotonic() - started)
    return OutboundResponse(head.status, head.headers, body, elapsed)
