"""The observable facts of an endpoint before a request is sent: its addresses and its certificate."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from provider.infrastructure.outbound.policy import IPAddress
from provider.infrastructure.outbound.sockets import TimedSocket


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An endpoint that a connection was made to; without TLS the last two are None."""

    addresses: tuple[IPAddress, ...]
    connected_to: str
    tls_version: str | None
    certificate_ends_at: datetime | None


def see(sock: TimedSocket, addresses: tuple[IPAddress, ...]) -> Sighting:
    """Look at a connected socket, after its handshake if there was one."""
    secured = sock if isinstance(sock, ssl.SSLSocket) else None
    certificate = (secured.getpeercert() if secured else None) or {}
    ends = certificate.get("notAfter")
    return Sighting(
        addresses=addresses,
        connected_to=str(sock.getpeername()[0]),
        tls_version=secured.version() if secured else None,
        certificate_ends_at=(
            datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None
        ),
    )
