"""The policy for outbound calls, and the classes of failure."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Literal

IPAddress = IPv4Address | IPv6Address
FailureKind = Literal["refused", "dns", "connect", "tls", "timeout", "reset", "protocol", "too_large"]

# The failures a client's owner may see. More detail would make us a scanner of our own network (THR-44).
SENTENCES: dict[FailureKind, str] = {
    "refused": "the target is not allowed",
    "dns": "the name could not be resolved",
    "connect": "no connection could be made",
    "tls": "the TLS handshake failed",
    "timeout": "no complete response arrived in time",
    "reset": "the connection was closed without a response",
    "protocol": "the response was not valid HTTP",
    "too_large": "the response was too large",
}


class OutboundFailure(Exception):
    """A call that brought no response: `kind` and the text may be shown, `detail` is for our log only."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(SENTENCES[kind])
        self.kind: FailureKind = kind
        self.detail = detail


class RefusedTarget(OutboundFailure):
    """The URL, or an address behind it, is not one that we call."""

    def __init__(self, detail: str) -> None:
        super().__init__("refused", detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundPolicy:
    """The operator's rules; a client's owner can never widen them."""

    # An entry lifts the block on private addresses and allows plain http and any port there (DEC-12);
    # addresses in `addresses.NEVER`, such as cloud metadata, stay blocked even then.
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    # Names with the same freedoms, whatever address they resolve to.
    allowed_hosts: tuple[str, ...] = ()
    # The only trusted roots, if set; otherwise the public ones that come with requests.
    ca_bundle: Path | None = None
    # The time for all TCP connects of one call together, so that a dead IPv6 cannot eat the deadline.
    connect_timeout: timedelta = timedelta(seconds=3)
    # From the first DNS packet to the last byte of the body.
    total_deadline: timedelta = timedelta(seconds=10)
    max_header_bytes: int = 16 * 1024
    max_body_bytes: int = 4 * 1024
    # None means any port but those of well-known services that do not speak HTTP (`target.FOREIGN_PORTS`).
    allowed_ports: frozenset[int] | None = frozenset({443, 8443})
