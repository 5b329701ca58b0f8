"""The observable facts of an endpoint before a request is sent: its addresses and its certificate."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from provider.infrastructure.outbound.policy import IPAddress
from provider.infrastructure.outbound.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An endpoint that a connection was made to; without TLS the last two are None."""

    addresses: tuple[IPAddress, ...]
    connected_to: str
    tls_version: str | None
    certificate_ends_at: datetime | None


def see(wire: Wire, peer: IPAddress, addresses: tuple[IPAddress, ...]) -> Sighting:
    """Look at a connection, after its handshake if there was one."""
    ends = wire.certificate_ends
    return Sighting(
        addresses=addresses,
        connected_to=str(peer),
        tls_version=wire.tls_version,
        certificate_ends_at=datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None,
    )
