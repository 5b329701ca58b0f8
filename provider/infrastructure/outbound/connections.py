"""Exchanges on connections to checked addresses, and the idle connections kept for the next call."""

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from provider.infrastructure.outbound.policy import IPAddress, OutboundFailure
from provider.infrastructure.outbound.reader import Reader
from provider.infrastructure.outbound.resolver import Deadline
from provider.infrastructure.outbound.response import Head, MalformedResponse, read_body, read_head
from provider.infrastructure.outbound.wire import Wire

# Shorter than the keep-alive of common servers, so that a reused connection is seldom one just being closed.
IDLE_SPAN = timedelta(seconds=15)
LOOK_EVERY = timedelta(seconds=1)
MAX_IDLE = 200

Endpoint = tuple[str, str, int]


class Connection:
    """One connection to a checked address; used by one call at a time."""

    def __init__(self, endpoint: Endpoint, wire: Wire, peer: IPAddress) -> None:
        self.endpoint = endpoint
        self.peer = peer
        self.idle_since = 0.0
        self._wire = wire
        self._reader = Reader(wire)

    @property
    def has_received(self) -> bool:
        """Whether anything of a response has come since the last request."""
        return self._wire.received > 0

    @property
    def is_usable(self) -> bool:
        """Whether it is open and holds no data that would be taken for the next response."""
        return not self._reader.has_surplus and self._wire.is_silent

    def ask(self, message: bytes, deadline: Deadline, max_header_bytes: int) -> Head:
        """Send a request and return the head of its response; the connection is closed if that fails."""
        try:
            with named_failures():
                self._wire.begin(deadline)
                self._wire.send(message)
                self._reader.begin_head(max_header_bytes)
                head = read_head(self._reader)
                self._reader.end_head()
        except BaseException:
            self.close()
            raise
        return head

    def read(self, head: Head, limit: int) -> tuple[bytes, OutboundFailure | None]:
        """Return at most `limit` bytes of the body, undecoded, and the reason if the body is incomplete."""
        body = bytearray()
        try:
            with named_failures():
                for piece in read_body(self._reader, head):
                    body += piece
                    if len(body) > limit:
                        break
        except OutboundFailure as failure:
            return bytes(body), failure
        if len(body) > limit:
            return bytes(body[:limit]), OutboundFailure("too_large", f"the body exceeds {limit} bytes")
        return bytes(body), None

    def close(self) -> None:
        """Close it with whatever is still in it."""
        self._wire.close()


class IdleConnections:
    """Idle connections, by endpoint; shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resting: dict[Endpoint, list[Connection]] = {}
        self._count = 0
        self._looked_at = 0.0
        self._is_closed = False

    def take(self, endpoint: Endpoint, addresses: Sequence[IPAddress]) -> Connection | None:
        """Return the most recently used connection whose peer is still among the checked addresses."""
        while (connection := self._pop(endpoint)) is not None:
            if connection.peer in addresses and connection.is_usable:
                return connection
            connection.close()
        return None

    def keep(self, connection: Connection) -> None:
        """Keep an idle connection, or close it if there are enough of them."""
        connection.idle_since = time.monotonic()
        with self._lock:
            expired = self._remove_expired()
            has_room = not self._is_closed and self._count < MAX_IDLE
            if has_room:
                self._count += 1
                self._resting.setdefault(connection.endpoint, []).append(connection)
        for old in expired if has_room else [*expired, connection]:
            old.close()

    def close(self) -> None:
        """Close all idle connections, and from now on each one that is returned."""
        with self._lock:
            self._is_closed = True
            connections = [one for resting in self._resting.values() for one in resting]
            self._resting.clear()
        for connection in connections:
            connection.close()

    def _pop(self, endpoint: Endpoint) -> Connection | None:
        with self._lock:
            expired = self._remove_expired()
            resting = self._resting.get(endpoint)
            connection = resting.pop() if resting else None
            self._count -= connection is not None
        for old in expired:
            old.close()
        return connection

    def _remove_expired(self) -> list[Connection]:
        now = time.monotonic()
        # Looked for now and then: going through all of them at each call costs more than the call.
        if now < self._looked_at + LOOK_EVERY.total_seconds():
            return []
        self._looked_at = now
        oldest = now - IDLE_SPAN.total_seconds()
        expired = [one for resting in self._resting.values() for one in resting if one.idle_since < oldest]
        fresh = {
            endpoint: [one for one in resting if one.idle_since >= oldest]
            for endpoint, resting in self._resting.items()
        }
        self._resting = {endpoint: resting for endpoint, resting in fresh.items() if resting}
        self._count = sum(map(len, self._resting.values()))
        return expired


@contextmanager
def named_failures() -> Iterator[None]:
    """Translate exceptions of sockets and readers into OutboundFailure."""
    try:
        yield
    except TimeoutError as exc:
        raise OutboundFailure("timeout", str(exc)) from exc
    except ssl.SSLError as exc:
        # In TLS 1.3 a server's refusal of our certificate, or of our having none, comes after the handshake.
        raise OutboundFailure("tls", str(exc)) from exc
    except OSError as exc:
        raise OutboundFailure("reset", str(exc)) from exc
    except MalformedResponse as exc:
        raise OutboundFailure("protocol", str(exc)) from exc
