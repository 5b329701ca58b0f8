"""TCP connections to checked addresses, and to no other."""

import socket
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address

from provider.infrastructure.outbound.policy import IPAddress, OutboundFailure, RefusedTarget
from provider.infrastructure.outbound.resolver import Deadline

# More addresses than these share the connect time so thinly that none would get a fair chance.
MAX_CONNECTS = 4


def connect(addresses: Sequence[IPAddress], port: int, deadline: Deadline, span: timedelta) -> socket.socket:
    """Connect to the first of these addresses that answers; `span` is for all together."""
    budget = Deadline(span)
    tried: list[str] = []
    for index, address in enumerate(addresses[:MAX_CONNECTS]):
        try:
            left = min(deadline.remaining(), budget.remaining())
            # An equal share of what is left, so that a silent first address leaves time for the next.
            return _connect_one(address, port, left / (min(len(addresses), MAX_CONNECTS) - index))
        except OSError as exc:
            tried.append(f"{address}: {exc}")
    raise OutboundFailure("connect", "; ".join(tried))


def checked_peer(sock: socket.socket, addresses: Sequence[IPAddress]) -> IPAddress:
    """Return the address of the other end; refuse a socket where it is not one of the checked ones."""
    try:
        peer = ip_address(sock.getpeername()[0])
    except OSError as exc:
        raise OutboundFailure("reset", "the connection is gone") from exc
    if peer not in addresses:
        raise RefusedTarget(f"connected to {peer}, which was not checked")
    return peer


def _connect_one(address: IPAddress, port: int, timeout: float) -> socket.socket:
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((str(address), port))
    except OSError:
        sock.close()
        raise
    return sock
