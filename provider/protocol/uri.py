"""URIs that parties register: one strict grammar, so that no two parsers can disagree (URL-01 to URL-09)."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

MAX_LENGTH = 2000
LAST_PORT = 65535
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
# rfc3986 without userinfo and without percent signs in the host: both serve only to deceive.
_WEB = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
# rfc8252 §7.1: a private-use scheme is a domain name of the app's maker in reverse order, so it has a dot.
_PRIVATE_USE = re.compile(
    r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:(?P<path>/{1,3}[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
# The same without a dot. The schemes below already have a meaning for browsers or systems.
_SHORT_SCHEME = re.compile(_PRIVATE_USE.pattern.replace(r"(?:\.[a-z0-9+-]+)+:", ":"))
_TAKEN_SCHEMES = frozenset(
    {
        *("about", "blob", "chrome", "content", "data", "file", "filesystem", "ftp", "http", "https"),
        *(
            "intent",
            "jar",
            "javascript",
            "mailto",
            "resource",
            "sms",
            "tel",
            "vbscript",
            "view-source",
            "ws",
            "wss",
        ),
    }
)
# Names that lead to no host of the public network (rfc6762 §3, rfc8375, and what routers use).
_LOCAL_DOMAINS = (".local", ".home.arpa", ".internal", ".lan", ".home", ".localdomain")
_AUTHORITY = re.compile(r"[^:/?#]+://([^/?#]*)")
# The underscore is not allowed in host names, but common in those of containers and intranets.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Numbers to inet_aton: a name must not end in one, or 127.1 and 0x7f.1 would be addresses.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL_ESCAPE = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_DOT_SEGMENT = re.compile(r"/(?:\.|%2[Ee]){1,2}(?:[/;]|$)")


class MalformedURI(ValueError):
    """The text is not a URI that can be registered; the message says why."""


@dataclass(frozen=True, slots=True)
class WebURI:
    """An http or https URI taken apart; `authority`, `path` and `query` are as they were written."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    query: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (rfc6454 §4)."""
        return self.scheme, self.host, self.port

    @property
    def ascii_origin(self) -> str:
        """The origin as browsers write it: without the default port of its scheme (rfc6454 §6.2)."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def request_target(self) -> str:
        """Path and query as they appear in a request line (rfc9112 §3.2.1)."""
        return f"{self.path or '/'}{self.query}"

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The host as an IP address, or None if it is a name."""
        try:
            return ip_address(self.host.strip("[]"))
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether the host is one of the loopback hosts that may be registered with http."""
        return self.host in LOOPBACK_HOSTS

    @property
    def stays_on_device(self) -> bool:
        """Whether the host is the person's own machine, under any of its names (rfc6761 §6.3)."""
        address = self.address
        if address is None:
            return self.host == "localhost" or self.host.endswith(".localhost")
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback

    @property
    def is_in_local_network(self) -> bool:
        """Whether the host is in a local network, by its address or its name."""
        address = self.address
        if address is None:
            return "." not in self.host or self.host.endswith(_LOCAL_DOMAINS)
        return address.is_private and not address.is_unspecified


def parse_web_uri(text: str) -> WebURI:
    """Parse an http or https URI. Raises MalformedURI for anything that could be read in two ways."""
    if len(text) > MAX_LENGTH:
        raise MalformedURI(f"is longer than {MAX_LENGTH} characters")
    if "#" in text:
        raise MalformedURI("has a fragment")
    found = _WEB.fullmatch(text)
    if found is None:
        raise MalformedURI("is not an absolute https URI in plain lower-case form without user name")
    port = int(found["port"] or _DEFAULT_PORTS[found["scheme"]])
    if port > LAST_PORT:
        raise MalformedURI("has a port out of range")
    _check_host(found["host"])
    path, query = found["path"] or "", found["query"] or ""
    _check_escapes(text, path)
    authority = found["host"] if found["port"] is None else f"{found['host']}:{port}"
    return WebURI(found["scheme"], found["host"], port, authority, path, query)


def check_private_use_uri(text: str) -> None:
    """Check a native app's private-use URI such as `com.example.app:/callback`."""
    found = _PRIVATE_USE.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None:
        raise MalformedURI(
            "is neither an https URI nor one of a reverse domain name like com.example.app:/out"
        )
    if has_odd_authority(text):
        raise MalformedURI("has a port, a user name or a malformed host after //")
    _check_escapes(text, found["path"])


def is_short_scheme_uri(text: str) -> bool:
    """Return whether a text is a URI of an app's scheme without a dot, such as `myapp:/callback`."""
    found = _SHORT_SCHEME.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None or text.partition(":")[0] in _TAKEN_SCHEMES or has_odd_authority(text):
        return False
    try:
        _check_escapes(text, found["path"])
    except MalformedURI:
        return False
    return True


def has_odd_authority(text: str) -> bool:
    """Return whether a private-use URI names a host that some URL parsers cannot read.

    Parsers for the web look for a port and for DNS labels after every `//`.
    """
    found = _AUTHORITY.match(text)
    if found is None or not found[1]:
        return False
    return ":" in found[1] or "@" in found[1] or any(not 0 < len(part) < 64 for part in found[1].split("."))


def _check_host(host: str) -> None:
    try:
        if host.startswith("["):
            IPv6Address(host[1:-1])
            return
        if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
            IPv4Address(host)
            return
    except AddressValueError:
        raise MalformedURI("has a malformed IP address as its host") from None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise MalformedURI("has a host that is not a DNS name")


def _check_escapes(text: str, path: str) -> None:
    if _BROKEN_ESCAPE.search(text) or _CONTROL_ESCAPE.search(text):
        raise MalformedURI("has malformed percent-encoding or encoded control characters")
    if _DOT_SEGMENT.search(path):
        raise MalformedURI("has a dot segment in its path")
