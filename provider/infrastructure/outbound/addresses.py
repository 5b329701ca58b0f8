"""The addresses that may be called.

Python 3.11's own flags let CGNAT, multicast and every form of embedded IPv4 through in one way or another
(URL-12 to URL-39), so they are only the second opinion; the lists here are the first.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from provider.infrastructure.outbound.policy import IPAddress, OutboundPolicy

Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Not even an operator's allow-list opens these: link-local, the metadata services of the clouds
# (AWS, Alibaba, Azure, Oracle, Google), and what can only mean "this host" or "everybody".
NEVER = _networks(
    "0.0.0.0/8",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "192.0.0.192/32",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "fe80::/10",
    "ff00::/8",
)

# IANA's special-purpose registries, and forms that carry an IPv4 address and that no public server needs.
BLOCKED = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
)

# Everything else in IPv6 is unassigned, private, mapped, translated or otherwise not the Internet.
GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
TEREDO = IPv6Network("2001::/32")
SIX_TO_FOUR = IPv6Network("2002::/16")
LOW_32_BITS = _networks("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
ISATAP_MARKS = (0x00005EFE, 0x02005EFE)


def refusal(address: IPAddress, policy: OutboundPolicy, *, host_listed: bool) -> str | None:
    """Say why this address may not be called, or return None if it may."""
    if getattr(address, "scope_id", None) is not None or _within(address, NEVER):
        return f"{address} is never called"
    if not (host_listed or is_listed(address, policy) or _is_public(address)):
        return f"{address} is not a public address"
    for inner in embedded(address):
        reason = refusal(inner, policy, host_listed=host_listed)
        if reason is not None:
            return f"{address} carries {inner}: {reason}"
    return None


def is_listed(address: IPAddress, policy: OutboundPolicy) -> bool:
    """Answer whether the operator's allow-list names this address."""
    return _within(address, policy.allowed_networks)


def embedded(address: IPAddress) -> list[IPv4Address]:
    """List the IPv4 addresses that a gateway on the way may read out of an IPv6 address."""
    if isinstance(address, IPv4Address):
        return []
    value = int(address)
    if address in TEREDO:
        return [IPv4Address(value >> 64 & 0xFFFFFFFF), IPv4Address(~value & 0xFFFFFFFF)]
    if address in SIX_TO_FOUR:
        return [IPv4Address(value >> 80 & 0xFFFFFFFF)]
    if _within(address, LOW_32_BITS) or value >> 32 & 0xFFFFFFFF in ISATAP_MARKS:
        # ::1 and :: are IPv6's own; only what lies above them is an address of the other family.
        return [] if value <= 1 else [IPv4Address(value & 0xFFFFFFFF)]
    return []


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, IPv6Address) and address in NAT64:
        # On an IPv6-only network every IPv4 server looks like this; the embedded address is judged too.
        return True
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not _within(address, BLOCKED)


def _within(address: IPAddress, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
