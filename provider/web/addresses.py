"""Where a request comes from, as far as it can be trusted."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from flask import request

from provider.infrastructure import current

# One household or machine commonly has a whole network of this size.
_IPV6_PREFIX = 64


def client_address() -> str | None:
    """Return the address of the requester.

    Each trusted proxy appends the address that it saw to X-Forwarded-For; what stands before those
    entries was written by the requester and is worth nothing (SEC-403).
    """
    hops = current.settings().trusted_proxies
    seen = _forwarded_for()
    claimed = seen[-hops] if 0 < hops <= len(seen) else request.remote_addr
    address = _parse(claimed) or _parse(request.remote_addr)
    return str(address) if address else None


def came_through_proxies() -> bool:
    """Whether the request came through as many proxies as are trusted, each of which left its entry."""
    return 0 < current.settings().trusted_proxies <= len(list(filter(None, _forwarded_for())))


def client_network() -> str:
    """Return what rate limits count by: an IPv4 address, or an IPv6 network of one household."""
    return network_of(client_address())


def network_of(text: str | None) -> str:
    """Return the network of an address, as far as one household or machine commonly has it."""
    address = _parse(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address or "unknown")


def _forwarded_for() -> list[str]:
    return [entry.strip() for entry in ",".join(request.headers.getlist("X-Forwarded-For")).split(",")]


def _parse(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((text or "").strip("[]"))
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
