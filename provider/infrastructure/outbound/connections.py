"""HTTP connections to checked addresses, and the idle ones kept for the next call."""

import http.client
import select
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from provider.infrastructure.outbound.answer import Answer
from provider.infrastructure.outbound.policy import IPAddress, OutboundFailure
from provider.infrastructure.outbound.resolver import Deadline
from provider.infrastructure.outbound.sockets import TimedSocket
from provider.infrastructure.outbound.target import Target

# Shorter than the keep-alive of common servers, so that a reused connection is seldom one just being closed.
IDLE_SPAN = timedelta(seconds=15)
LOOK_EVERY = timedelta(seconds=1)
MAX_IDLE = 200
# Small pieces, because a piece that is not completed before the deadline is lost.
PIECE = 512

Endpoint = tuple[str, str, int]


class Connection(http.client.HTTPConnection):
    """One connection; http.client speaks, our socket keeps the time."""

    response_class = Answer

    def __init__(self, target: Target, wire: TimedSocket, peer: IPAddress) -> None:
        super().__init__(target.host, target.port)
        self.endpoint: Endpoint = (target.scheme, target.host, target.port)
        # http.client forgets its socket at "Connection: close", though the body still comes through it.
        self.wire = wire
        self.sock = wire
        self.peer = peer
        self._poll = select.poll()
        self._poll.register(wire, select.POLLIN)
        self.idle_since = 0.0
        self._unsent = bytearray()

    def connect(self) -> None:
        """Never connect by itself: http.client would resolve the name again, unchecked."""
        raise http.client.NotConnected

    def send(self, data: Any) -> None:
        """Keep what is to be sent: headers and body leave together, in one packet where they fit."""
        self._unsent += data

    def getresponse(self) -> Answer:
        """Send what was kept and read the answer's headers."""
        unsent, self._unsent = bytes(self._unsent), bytearray()
        self.wire.sendall(unsent)
        answer = super().getresponse()
        if not isinstance(answer, Answer):
            raise TypeError("an answer that we did not read")
        return answer

    @property
    def was_dropped(self) -> bool:
        """Anything readable on an idle connection is its end, or an answer nobody asked for."""
        # A whole TLS record is taken from the system at once: its rest waits where a poll does not see it.
        has_more = isinstance(self.wire, ssl.SSLSocket) and self.wire.pending()
        return bool(has_more or self._poll.poll(0))


class Exchange:
    """A response whose headers have arrived and whose body is still to be read, once."""

    def __init__(self, connection: Connection, response: Answer, idle: "IdleConnections"):
        self._connection = connection
        self._response = response
        self._idle = idle

    def first_bytes(self, limit: int) -> bytes:
        """Return at most `limit` bytes of the body, undecoded; trouble only means fewer of them (FLT-21)."""
        return self._read(limit)[0]

    def whole_body(self, limit: int) -> bytes:
        """Return the whole body, undecoded, or raise OutboundFailure if it is cut off or over the limit."""
        body, trouble = self._read(limit)
        if trouble is not None:
            raise trouble
        return body

    def _read(self, limit: int) -> tuple[bytes, OutboundFailure | None]:
        body = bytearray()
        trouble = self._read_into(body, limit)
        if trouble is None:
            self._release()
        else:
            self.abandon()
        return bytes(body[:limit]), trouble

    def _read_into(self, body: bytearray, limit: int) -> OutboundFailure | None:
        try:
            with named_failures():
                # One byte over the limit is asked for, to tell a body that fits from one that goes on.
                while len(body) <= limit and (
                    piece := self._response.read(min(PIECE, limit + 1 - len(body)))
                ):
                    body += piece
        except OutboundFailure as failure:
            return failure
        if len(body) > limit:
            return OutboundFailure("too_large", f"the body exceeds {limit} bytes")
        if self._response.length:
            return OutboundFailure("reset", f"{self._response.length} bytes of the body are missing")
        return None

    def abandon(self) -> None:
        """Close the connection with whatever is still in it."""
        self._response.close()
        self._connection.close()

    def _release(self) -> None:
        response = self._response
        if response.will_close or response.has_surplus or self._connection.sock is None:
            self.abandon()
        else:
            self._idle.keep(self._connection)


class IdleConnections:
    """Connections at rest, by endpoint; shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resting: dict[Endpoint, list[Connection]] = {}
        self._count = 0
        self._looked_at = 0.0
        self._is_closed = False

    def take(self, endpoint: Endpoint, addresses: Sequence[IPAddress]) -> Connection | None:
        """Return the most recently used connection whose peer is still among the checked addresses."""
        while (connection := self._pop(endpoint)) is not None:
            if connection.peer in addresses and not connection.was_dropped:
                return connection
            connection.close()
        return None

    def keep(self, connection: Connection) -> None:
        """Put a connection to rest, or close it if there are enough of them."""
        connection.wire.rest()
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
        """Close all of them, and from now on whatever comes back."""
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


def ask(
    connection: Connection,
    request: tuple[str, str, bytes | None],
    headers: Mapping[str, str],
    deadline: Deadline,
    max_header_bytes: int,
) -> Answer:
    """Send method, path and body, and return the response when its headers are complete."""
    method, path, body = request
    try:
        connection.wire.begin(deadline, max_header_bytes)
        # Nothing is sent yet, so what this raises is the caller's mistake and no failure of the other party.
        connection.request(method, path, body=body, headers=headers)
        with named_failures():
            response = connection.getresponse()
    except BaseException:
        connection.close()
        raise
    connection.wire.header_budget = None
    return response


@contextmanager
def named_failures() -> Iterator[None]:
    """Give what http.client and sockets raise its failure class."""
    try:
        yield
    except TimeoutError as exc:
        raise OutboundFailure("timeout", str(exc)) from exc
    except http.client.LineTooLong as exc:
        raise OutboundFailure("too_large", str(exc)) from exc
    except ssl.SSLError as exc:
        # In TLS 1.3 a server's refusal of our certificate, or of our having none, comes after the handshake.
        raise OutboundFailure("tls", str(exc)) from exc
    except OSError as exc:
        # http.client.RemoteDisconnected is one of these.
        raise OutboundFailure("reset", str(exc)) from exc
    except (http.client.HTTPException, ValueError, RecursionError) as exc:
        # The last two would say that http.client was led where it never meant to go.
        raise OutboundFailure("protocol", str(exc)) from exc
