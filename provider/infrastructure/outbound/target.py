"""URLs that may be called: those of the grammar in `protocol.called_uri`, as far as the policy allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from provider.infrastructure.outbound.addresses import is_listed, refusal
from provider.infrastructure.outbound.policy import IPAddress, OutboundPolicy, RefusedTarget
from provider.protocol.called_uri import parse_called_uri
from provider.protocol.uri import MalformedURI

MAX_ADDRESSES = 32
LOOPBACKS: tuple[IPAddress, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))

# Well-known ports of services that do not speak HTTP, most of them as in the Fetch standard's bad ports;
# refused even with `allowed_ports=None`.
FOREIGN_PORTS = frozenset(
    {
        *range(1, 80),
        *range(81, 443),
        *range(444, 1024),
        1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190,
        5060, 5061, 5432, 5672, 5900, 6000, 6379, 6380, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
        9042, 9092, 9200, 9300, 10080, 10250, 11211, 25672, 27017, 27018,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL; `address` is set if the host is an IP literal."""

    scheme: str
    host: str
    port: int
    authority: str
    request_target: str
    address: IPAddress | None

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, url: str) -> "Target":
        """Parse a URL, or refuse it; a few thousand are cached, because each is called many times."""
        try:
            uri = parse_called_uri(url)
        except MalformedURI as exc:
            raise RefusedTarget(f"the URL {exc}") from exc
        host = uri.host.strip("[]")
        return cls(uri.scheme, host, uri.port, uri.authority, uri.request_target, uri.address)

    def known_addresses(self, policy: OutboundPolicy) -> tuple[IPAddress, ...]:
        """Return the addresses that need no DNS, those of a literal or of localhost; none for other names."""
        if self.address is not None:
            return (self.address,)
        if self.host != "localhost" and not self.host.endswith(".localhost"):
            return ()
        # rfc6761 §6.3: these names mean loopback everywhere. Hosts files often give both families where only
        # one is listed; no self-registered client controls that record, so the listed one may be used.
        listed = tuple(address for address in LOOPBACKS if is_listed(address, policy))
        return listed or LOOPBACKS

    def is_extraordinary(self, policy: OutboundPolicy) -> bool:
        """Answer whether only an operator's allow-list can permit this: http, a local name or an odd port."""
        if policy.allowed_ports is None:
            odd_port = self.port in FOREIGN_PORTS
        else:
            odd_port = self.port not in policy.allowed_ports
        local_name = self.address is None and "." not in self.host
        return self.scheme == "http" or odd_port or local_name


def check_url(url: str, policy: OutboundPolicy, *, purpose_allows_http: bool = True) -> None:
    """Refuse URLs at registration that could never be called; names are checked again at each connect.

    This makes no DNS queries. With `purpose_allows_http=False` plain http is refused even where it is listed.
    """
    target = Target.parse(url)
    if target.scheme == "http" and not purpose_allows_http:
        raise RefusedTarget("plain http is not allowed for this purpose")
    known = target.known_addresses(policy)
    if known:
        admit(target, known, policy)
    elif target.is_extraordinary(policy) and not (
        policy.allowed_networks or target.host in policy.allowed_hosts
    ):
        raise RefusedTarget("only an allow-listed target may use http, a local name or this port")


def admit(target: Target, addresses: Sequence[IPAddress], policy: OutboundPolicy) -> None:
    """Refuse the whole target if any one of its addresses may not be called (URL-47)."""
    if not addresses or len(addresses) > MAX_ADDRESSES:
        raise RefusedTarget(f"{target.host} has {len(addresses)} addresses")
    host_listed = target.host in policy.allowed_hosts
    extraordinary = target.is_extraordinary(policy)
    for address in addresses:
        reason = refusal(address, policy, host_listed=host_listed)
        if reason is not None:
            raise RefusedTarget(reason)
        if extraordinary and not (host_listed or is_listed(address, policy)):
            raise RefusedTarget(f"{target.authority} ({target.scheme}) at {address} is not allow-listed")
