"""Sockets on a deadline.

The timeout of a Python socket starts anew with every byte (LIB-16, LIB-17). Here each system call is given
only what is left of the call's deadline, for a TimeoutError out of the read itself cannot be mistaken for an
answer. Under TLS one read may be many, so a watchdog shuts the socket from outside as well; http.client takes
such a cut for the end of the headers and reports a status (dependencies.md, fact 8), so here it is an error.
"""

import functools
import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from provider.infrastructure.outbound.policy import IPAddress, OutboundFailure, RefusedTarget
from provider.infrastructure.outbound.resolver import Deadline
from provider.infrastructure.outbound.watchdog import WATCHDOG

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# What the timeout in force may be wrong by: to set it anew for less is a system call for nothing.
SLACK_SECONDS = 0.02
# More addresses than these share the connect time so thinly that none would get a fair chance.
MAX_CONNECTS = 4


class TimedSocket(socket.socket):
    """A TCP socket whose every read and write ends with the deadline, and whose headers are capped."""

    deadline: Deadline
    # How many more bytes may arrive while headers are read; None once they are complete.
    header_budget: int | None = None
    received = 0
    # Whether the answer has been read: from then on the reader gets nothing, as at the end of a file.
    is_over = False

    def begin(self, deadline: Deadline, header_budget: int) -> None:
        """Start an exchange: a new deadline, nothing received yet."""
        self.deadline, self.header_budget, self.received, self.is_over = deadline, header_budget, 0, False

    def rest(self) -> None:
        """End an exchange whose connection is kept."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Read what is there, within the deadline and the header budget."""
        if self.is_over:
            return 0
        wanted = nbytes or memoryview(buffer).nbytes
        if self.header_budget is not None:
            if self.received >= self.header_budget:
                raise OutboundFailure("too_large", f"headers exceed {self.header_budget} bytes")
            wanted = min(wanted, self.header_budget - self.received)
        self._keep_time()
        count = super().recv_into(buffer, wanted, flags)
        if not count and self.header_budget is not None:
            # http.client takes the cut for the end of the headers, and "HTTP/1.1 200" for an answer.
            raise ConnectionResetError("the connection ended before the headers did")
        self.received += count
        return count

    def send(self, data: "ReadableBuffer", flags: int = 0, /) -> int:
        """Write one piece within the deadline; TLS writes come here piece by piece."""
        self._keep_time()
        return super().send(data, flags)

    def sendall(self, data: "ReadableBuffer", flags: int = 0, /) -> None:
        """Write everything within the deadline."""
        self._keep_time()
        super().sendall(data, flags)

    def _keep_time(self) -> None:
        """Give the next system call what is left of the deadline, or raise TimeoutError if nothing is."""
        left, in_force = self.deadline.remaining(), self.gettimeout()
        if in_force is None or abs(left - in_force) > SLACK_SECONDS:
            self.settimeout(left)


class TimedTLSSocket(TimedSocket, ssl.SSLSocket):
    """The same under TLS, where a watchdog ends what does not come back from OpenSSL."""

    _watch: int | None = None

    def begin(self, deadline: Deadline, header_budget: int) -> None:
        """Start an exchange and have it watched."""
        super().begin(deadline, header_budget)
        self.be_watched()

    def be_watched(self) -> None:
        """Have the watchdog end this connection at the deadline, until it rests or is closed."""
        self.rest()
        self._watch = WATCHDOG.watch(self, self.deadline.instant)

    def rest(self) -> None:
        """End an exchange, and the watch with it."""
        if self._watch is not None:
            WATCHDOG.release(self._watch)
            self._watch = None

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Read what is there; what the watchdog ended is late, whatever it looks like from here."""
        try:
            return super().recv_into(buffer, nbytes, flags)
        except OSError as exc:
            self.deadline.remaining()
            if _is_cut_off(exc):
                # Without the close_notify of rfc8446 §6.1 anybody on the way may have cut off the rest.
                raise ConnectionResetError("the TLS connection was cut off") from exc
            raise

    def _real_close(self) -> None:
        # The system may give this socket's number to the next one as soon as it is closed.
        self.rest()
        super()._real_close()  # type: ignore[misc]


def _is_cut_off(exc: OSError) -> bool:
    """Whether the TLS connection was cut; older patch releases of Python raise no class of its own for it."""
    return isinstance(exc, ssl.SSLEOFError) or (
        isinstance(exc, ssl.SSLError) and exc.reason == "UNEXPECTED_EOF_WHILE_READING"
    )


# OpenSSL's security level 2, forward secrecy, AES or ChaCha20; the default of CPython, but not of Debian's.
_TLS_1_2_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
# The first takes a connection that was cut off for one that ended; older patch releases set it by default.
_OPTIONS_OFF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0) | getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
_OPTIONS_ON = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _rely_on_no_default(context: ssl.SSLContext) -> None:
    """Set everything that this door relies on: interpreters and distributions differ in their defaults."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    # rfc9525 §2: names of servers are in subjectAltName; the common name is for people.
    context.hostname_checks_common_name = False
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.set_ciphers(_TLS_1_2_CIPHERS)
    context.options = (context.options & ~_OPTIONS_OFF) | _OPTIONS_ON
    context.post_handshake_auth = False


@functools.cache
def trust(ca_bundle: str) -> ssl.SSLContext:
    """Make the one TLS context of a bundle: verified names and chains, TLS 1.2 or newer.

    Nothing is taken from the environment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _rely_on_no_default(context)
    context.load_verify_locations(cafile=ca_bundle)
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = TimedTLSSocket
    return context


def connect(addresses: Sequence[IPAddress], port: int, deadline: Deadline, span: timedelta) -> TimedSocket:
    """Connect to the first of these addresses that answers, and to no other; `span` is for all together."""
    budget = Deadline(span)
    tried: list[str] = []
    for index, address in enumerate(addresses[:MAX_CONNECTS]):
        try:
            left = min(deadline.remaining(), budget.remaining())
            # An equal share of what is left, so that a silent first address leaves time for the next.
            sock = _connect_one(address, port, left / (min(len(addresses), MAX_CONNECTS) - index))
        except OSError as exc:
            tried.append(f"{address}: {exc}")
            continue
        sock.deadline = deadline
        return sock
    raise OutboundFailure("connect", "; ".join(tried))


def shake_hands(sock: TimedSocket, context: ssl.SSLContext, name: str, deadline: Deadline) -> TimedTLSSocket:
    """Turn a connected socket into a verified TLS one; `name` is for SNI and for the certificate."""
    try:
        secured = context.wrap_socket(
            sock, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except (OSError, ValueError) as exc:
        sock.close()
        raise OutboundFailure("tls", f"{name}: {exc}") from exc
    if not isinstance(secured, TimedTLSSocket):
        raise TypeError("the TLS context makes foreign sockets")
    try:
        secured.deadline = deadline
        # OpenSSL's handshake counts this timeout once, not per byte.
        secured.settimeout(deadline.remaining())
        secured.be_watched()
        secured.do_handshake()
        # The caller may only look at it, or let it rest.
        secured.rest()
    except OSError as exc:
        secured.close()
        # An end that the watchdog made is a TimeoutError here.
        deadline.remaining()
        if isinstance(exc, TimeoutError):
            raise
        raise OutboundFailure("tls", f"{name}: {exc}") from exc
    except OutboundFailure:
        secured.close()
        raise
    return secured


def checked_peer(sock: socket.socket, addresses: Sequence[IPAddress]) -> IPAddress:
    """Return the address of the other end; refuse a socket where it is not one of the checked ones."""
    try:
        peer = ip_address(sock.getpeername()[0])
    except OSError as exc:
        raise OutboundFailure("reset", "the connection is gone") from exc
    if peer not in addresses:
        raise RefusedTarget(f"connected to {peer}, which was not checked")
    return peer


def _connect_one(address: IPAddress, port: int, timeout: float) -> TimedSocket:
    sock = TimedSocket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((str(address), port))
    except OSError:
        sock.close()
        raise
    return sock
