"""One TCP connection with a deadline: every read and write gets the remaining time of the call.

The timeout of a Python socket starts anew with every byte (LIB-16, LIB-17), so it is set before each of them.
"""

import select
import socket

from provider.infrastructure.outbound.resolver import Deadline

# How far the timeout in force may be off: setting it for a smaller change would waste a system call.
SLACK_SECONDS = 0.02


class Wire:
    """A connected socket; used by one thread at a time."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        # Bytes of the present exchange, as its reader saw them.
        self.received = 0

    def begin(self, deadline: Deadline) -> None:
        """Start an exchange: a new deadline, nothing received yet."""
        self._deadline, self.received = deadline, 0

    def send(self, data: bytes) -> None:
        """Send everything. Raises TimeoutError or OSError."""
        self._keep_time()
        self._sock.sendall(data)

    def receive(self, most: int) -> bytes:
        """Return the received bytes, or b"" at the end of the connection. Raises TimeoutError or OSError."""
        data = self._take(most)
        self.received += len(data)
        return data

    @property
    def tls_version(self) -> str | None:
        """The version of TLS, or None without it."""
        return None

    @property
    def certificate_ends(self) -> str | None:
        """When the certificate of the other end expires, as the ssl module writes it, or None without TLS."""
        return None

    @property
    def is_silent(self) -> bool:
        """Whether nothing was received: on an idle connection, data is its end or an unsolicited response."""
        return not self._poll.poll(0)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _take(self, most: int) -> bytes:
        self._keep_time()
        return self._sock.recv(most)

    def _keep_time(self) -> None:
        """Give the next system call what is left of the deadline, or raise TimeoutError if nothing is."""
        left, in_force = self._deadline.remaining(), self._sock.gettimeout()
        if in_force is None or abs(left - in_force) > SLACK_SECONDS:
            self._sock.settimeout(left)
