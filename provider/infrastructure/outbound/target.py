"""URLs we are willing to call: one strict grammar, used at registration and by the adapter that connects."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

import requests

from provider.infrastructure.outbound.addresses import is_listed, refusal
from provider.infrastructure.outbound.policy import IPAddress, OutboundPolicy, RefusedTarget

MAX_URL_LENGTH = 2000
MAX_ANSWERS = 32
LOOPBACKS: tuple[IPAddress, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
DEFAULT_PORTS = {"http": 80, "https": 443}

# rfc3986 without what only serves to confuse: userinfo, fragment, IPvFuture, zone ids, percent in the host.
GRAMMAR = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?:(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)?"
)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# What inet_aton would take for a number: names may not end so, or 127.1 and 0x7f.1 would be addresses.
NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
CONTROL_ESCAPE = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
# Escaped space, percent, dot, slash and backslash: servers disagree on what they mean in a path.
AMBIGUOUS_ESCAPE = re.compile(r"%(?:2[05EFef]|5[Cc])")
DOT_SEGMENT = re.compile(r"/\.{1,2}(?:[/;]|$)")

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
    """A URL taken apart by the one grammar; `address` is set when the host is a literal."""

    scheme: str
    host: str
    port: int
    authority: str
    address: IPAddress | None

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, url: str) -> "Target":
        """Take a URL apart, or refuse it; a few thousand are remembered, as each is called many times."""
        found = GRAMMAR.fullmatch(url) if len(url) <= MAX_URL_LENGTH else None
        if found is None:
            raise RefusedTarget("unsupported URL syntax")
        _check_path(found["path"] or "/")
        _check_escapes(found["query"] or "")
        _check_requests_agrees(url)
        port = int(found["port"] or DEFAULT_PORTS[found["scheme"]])
        if port > 65535:
            raise RefusedTarget("the port is out of range")
        address = _literal(found["host"])
        if address is None:
            _check_name(found["host"])
        authority = found["host"] if found["port"] is None else f"{found['host']}:{port}"
        return cls(found["scheme"], found["host"].strip("[]"), port, authority, address)

    def known_addresses(self, policy: OutboundPolicy) -> tuple[IPAddress, ...]:
        """Return the addresses that need no DNS, those of a literal or of localhost; none for other names."""
        if self.address is not None:
            return (self.address,)
        if self.host != "localhost" and not self.host.endswith(".localhost"):
            return ()
        # rfc6761 §6.3: these names mean loopback everywhere. Hosts files often give both families where only
        # one is listed; no stranger wrote those answers, so the listed one may serve.
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
    """Refuse at registration what could never be called; names are judged again at each connect.

    No DNS is asked here. With `purpose_allows_http=False` plain http is refused even where it is listed.
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
    if not addresses or len(addresses) > MAX_ANSWERS:
        raise RefusedTarget(f"{target.host} has {len(addresses)} addresses")
    host_listed = target.host in policy.allowed_hosts
    extraordinary = target.is_extraordinary(policy)
    for address in addresses:
        reason = refusal(address, policy, host_listed=host_listed)
        if reason is not None:
            raise RefusedTarget(reason)
        if extraordinary and not (host_listed or is_listed(address, policy)):
            raise RefusedTarget(f"{target.authority} ({target.scheme}) at {address} is not allow-listed")


def _literal(host: str) -> IPAddress | None:
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        if not NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
            return None
        return IPv4Address(host)
    except AddressValueError as exc:
        raise RefusedTarget("the host is a malformed address") from exc


def _check_name(host: str) -> None:
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in host.split(".")):
        raise RefusedTarget("the host is not a DNS name")


def _check_path(path: str) -> None:
    if path.startswith("//") or DOT_SEGMENT.search(path) or AMBIGUOUS_ESCAPE.search(path):
        raise RefusedTarget("the path is ambiguous: servers may normalize it differently")
    _check_escapes(path)


def _check_escapes(part: str) -> None:
    if BROKEN_ESCAPE.search(part) or CONTROL_ESCAPE.search(part):
        raise RefusedTarget("the URL has malformed percent-encoding or encoded control characters")
    try:
        unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise RefusedTarget("the URL's percent-encoding is not UTF-8") from exc


def _check_requests_agrees(url: str) -> None:
    # A check with one parser and a send with another is how a backslash led to 127.0.0.1 (URL-04):
    # what requests would rewrite before sending is refused instead.
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(url, None)
    except requests.RequestException as exc:
        raise RefusedTarget("requests cannot read the URL") from exc
    if prepared.url not in (url, f"{url}/"):
        raise RefusedTarget("the URL is not in its normal form")
