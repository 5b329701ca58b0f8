"""The chain of addresses that proxies write: X-Forwarded-For, or Forwarded (rfc7239).

Each proxy appends the address that it saw, so only the last entries come from trusted proxies. They are read
from the end: nothing that a requester writes in front of them, well-formed or not, changes their meaning.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

IPAddress = IPv4Address | IPv6Address

# A proxy's element is short; anything longer is not an element, and not worth the time to parse.
_LONGEST_ELEMENT = 512
_LONGEST_NODE = 128
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# rfc7239 §4 requires quotes around addresses with colons or brackets; not every proxy adds them.
_VALUE = r'(?:[!#$%&\'*+.^_`|~0-9A-Za-z:\[\]-]+|"(?:[^"\\]|\\.)*")'
_PAIR = re.compile(rf"[ \t]*({_NAME})=({_VALUE})[ \t]*(?:;|$)")
# rfc7239 §6: 'node-port' may also be obfuscated.
_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_BRACKETED = re.compile(rf"\[([^\[\]]+)\]{_PORT}")
_IPV4 = re.compile(rf"([0-9.]+){_PORT}")


def entry_of_proxy(chain: str, hops: int) -> str | None:
    """Return the X-Forwarded-For entry written by the outermost of `hops` proxies, or None."""
    entries = chain.rsplit(",", hops)[-hops:]
    return entries[0].strip() if len(entries) == hops else None


def element_of_proxy(chain: str, hops: int) -> str | None:
    """Return the `for` of the Forwarded element written by the outermost of `hops` proxies, or None."""
    rest: str | None = chain
    node: str | None = None
    for _ in range(hops):
        if rest is None:
            return None
        rest, node = _split_last(rest)
        if node is None:
            return None
    return node


def read_node(text: str) -> IPAddress | None:
    """Return the address in an entry: bare or with a port, in brackets, with a zone.

    None for `unknown`, for an obfuscated name (rfc7239 §6.3) and for anything else.
    """
    text = text.strip()
    return _read_node(text) if len(text) <= _LONGEST_NODE else None


# Most requests come from a few addresses: those of proxies and of apps.
@lru_cache(maxsize=1024)
def _read_node(text: str) -> IPAddress | None:
    if enclosed := _BRACKETED.fullmatch(text) or _IPV4.fullmatch(text):
        text = enclosed[1]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # rfc4007 §11: a zone is meaningful only on its own machine.
        return address.ipv4_mapped or IPv6Address(address.packed)
    return address


def _split_last(chain: str) -> tuple[str | None, str | None]:
    """Return the chain before the last element, or None if there is none, and that element's `for`."""
    start = len(chain)
    lowest = max(0, len(chain) - _LONGEST_ELEMENT)
    while (start := chain.rfind(",", lowest, start)) >= 0:
        # A comma within a quoted string leaves a piece on its right that is not an element.
        if (pairs := _pairs(chain[start + 1 :])) is not None:
            return chain[:start], pairs.get("for")
    pairs = _pairs(chain) if lowest == 0 else None
    return None, (pairs or {}).get("for")


def _pairs(element: str) -> dict[str, str] | None:
    """Return the parameters of an element, or None if it is not one (rfc7239 §4)."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(element):
        found = _PAIR.match(element, position)
        if not found or found[1].lower() in pairs:
            return None
        pairs[found[1].lower()] = _unquoted(found[2])
        position = found.end()
    return pairs or None


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
