"""Messages to a syslog server (rfc5424), by UDP, TCP or the socket of this machine."""

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_DEADLINE = timedelta(seconds=10)
# rfc5424 §6.2.1: facility 13 (log audit), severity 5 (notice).
_PRIORITY = 13 * 8 + 5


def message(name: str, text: str, at: datetime) -> bytes:
    """Return a message of this program; `name` is its kind (rfc5424 §6)."""
    instant = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host = socket.gethostname()[:255] or "-"
    return f"<{_PRIORITY}>1 {instant} {host} curfew {os.getpid()} {name} - {text}".encode()


def send_udp(host: str, port: int, sent: bytes) -> None:
    """Send a message; whether it arrives is not known (rfc5426). Raises OSError."""
    family, kind, protocol, _, address = _resolved(host, port, socket.SOCK_DGRAM)
    with socket.socket(family, kind, protocol) as out:
        out.settimeout(_DEADLINE.total_seconds())
        out.sendto(sent, address)


def send_tcp(host: str, port: int, sent: bytes) -> None:
    """Send a message with its length before it (rfc6587 §3.4.1). Raises OSError."""
    with socket.create_connection((host, port), timeout=_DEADLINE.total_seconds()) as out:
        out.sendall(b"%d %s" % (len(sent), sent))
        out.shutdown(socket.SHUT_WR)


def send_unix(path: Path, sent: bytes) -> None:
    """Send a message to the socket of this machine, such as /dev/log. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.settimeout(_DEADLINE.total_seconds())
        out.sendto(sent, str(path))


def _resolved(host: str, port: int, kind: socket.SocketKind) -> tuple[Any, ...]:
    return socket.getaddrinfo(host, port, type=kind)[0]
