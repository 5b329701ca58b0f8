"""TLS over a `Wire`: verified names and chains, version 1.2 or newer.

OpenSSL is given bytes and gives bytes; it never holds the socket. With a socket it would keep reading through
session tickets, key updates and empty records without checking the time. Here each read from the network goes
through the wire, which enforces the deadline.
"""

import functools
import socket
import ssl
from contextlib import suppress

from provider.infrastructure.outbound.policy import OutboundFailure
from provider.infrastructure.outbound.resolver import Deadline
from provider.infrastructure.outbound.wire import Wire

# As much as one record holds (rfc8446 §5.1).
RECORD = 16 * 1024
# OpenSSL's security level 2, forward secrecy, AES or ChaCha20; the default of CPython, but not of Debian's.
_TLS_1_2_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
# The first takes a connection that was cut off for one that ended; older patch releases set it by default.
_OPTIONS_OFF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0) | getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
_OPTIONS_ON = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


class TLSWire(Wire):
    """A wire with TLS; `shake_hands` must be called first."""

    def __init__(self, sock: socket.socket, deadline: Deadline, context: ssl.SSLContext, name: str) -> None:
        super().__init__(sock, deadline)
        self._came, self._leaves = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._leaves, server_hostname=name)

    def shake_hands(self) -> None:
        """Agree on keys and verify the certificate. Raises TimeoutError or OSError."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._fetch()
            except ssl.SSLError:
                # The alert tells the other end why; whether it arrives changes nothing here.
                with suppress(OSError):
                    self._flush()
                raise
            else:
                return self._flush()

    @property
    def tls_version(self) -> str | None:
        """The version that both ends agreed on."""
        return self._tls.version()

    @property
    def certificate_ends(self) -> str | None:
        """When the certificate of the other end expires."""
        ends = (self._tls.getpeercert() or {}).get("notAfter")
        return ends if isinstance(ends, str) else None

    def send(self, data: bytes) -> None:
        """Encrypt and send everything."""
        for start in range(0, len(data), RECORD):
            self._tls.write(data[start : start + RECORD])
            self._flush()

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come, neither to the socket nor, a record at a time, to OpenSSL."""
        return not self._tls.pending() and not self._came.pending and super().is_silent

    def _take(self, most: int) -> bytes:
        while True:
            try:
                return self._tls.read(most)
            except ssl.SSLWantReadError:
                self._fetch()
            except ssl.SSLError as exc:
                if _is_cut_off(exc):
                    # Without the close_notify of rfc8446 §6.1, an attacker on the path may have truncated the
                    # response.
                    raise ConnectionResetError("the TLS connection was cut off") from exc
                raise

    def _fetch(self) -> None:
        """Send OpenSSL's pending output, then pass it the next bytes from the network."""
        self._flush()
        data = super()._take(RECORD)
        if data:
            self._came.write(data)
        else:
            self._came.write_eof()

    def _flush(self) -> None:
        if self._leaves.pending:
            super().send(self._leaves.read())


def shake_hands(sock: socket.socket, context: ssl.SSLContext, name: str, deadline: Deadline) -> TLSWire:
    """Make a verified TLS connection of a connected socket; `name` is for SNI and for the certificate.

    The socket is the caller's to close. Raises OutboundFailure.
    """
    try:
        wire = TLSWire(sock, deadline, context, name)
        wire.shake_hands()
    except TimeoutError as exc:
        raise OutboundFailure("timeout", "the TLS handshake took too long") from exc
    except (OSError, ValueError) as exc:
        raise OutboundFailure("tls", f"{name}: {exc}") from exc
    return wire


@functools.cache
def trust(ca_bundle: str) -> ssl.SSLContext:
    """Make the one TLS context of a bundle; nothing is taken from the environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _rely_on_no_default(context)
    context.load_verify_locations(cafile=ca_bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _rely_on_no_default(context: ssl.SSLContext) -> None:
    """Set everything that this client relies on: interpreters and distributions differ in their defaults."""
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


def _is_cut_off(exc: ssl.SSLError) -> bool:
    """Return whether the TLS connection was cut; older patch releases of Python have no class for it."""
    return isinstance(exc, ssl.SSLEOFError) or exc.reason == "UNEXPECTED_EOF_WHILE_READING"
