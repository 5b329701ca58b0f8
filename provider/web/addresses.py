"""The network address of a request's sender, as far as it can be trusted."""

from flask import Request

from provider.config import Settings
from provider.infrastructure import current, event_log
from provider.infrastructure.network_limits import UNKNOWN, networks_of
from provider.protocol import forwarded
from provider.protocol.errors import InvalidRequest
from provider.protocol.forwarded import IPAddress, read_node
from provider.server.environ import UNDERSCORED
from provider.web.notes import notes, this_request

_LONGEST_LOGGED = 64


def refuse_disguised_headers(request: Request, settings: Settings) -> None:
    """Refuse underscores in the name of a header that is trusted because a proxy writes it (SEC-403).

    A proxy overwrites or drops its own header but passes `X_Forwarded_For` on, and WSGI gives both the same
    name. Servers other than ours have to drop such names themselves.
    """
    underscored = request.environ.get(UNDERSCORED)
    if not underscored or not settings.trusted_proxies:
        return
    believed = {
        settings.forwarded_header,
        settings.client_certificate_header,
        settings.client_certificate_verified_header,
    }
    if underscored & {name.lower() for name in believed if name}:
        raise InvalidRequest("a proxy's header must not be spelled with underscores")


def client_address() -> str | None:
    """Return the address of the sender, or None if the proxies left none that can be read.

    Each trusted proxy appends the address that it saw; the entries before those were written by the
    sender and prove nothing (SEC-403). A request without the header did not come through the proxies.
    """
    known = notes()
    if "client_address" not in known:
        address = _find_address()
        known["client_address"] = str(address) if address else None
    found: str | None = known["client_address"]
    return found


def came_through_proxies() -> bool:
    """Return whether the request came through the trusted number of proxies, each with its entry."""
    return current.settings().trusted_proxies > 0 and bool(_entry())


def client_networks() -> tuple[str, ...]:
    """Return the keys of rate limits, the narrowest first: an address, or the networks of an IPv6 one."""
    return networks_of(client_address())


def is_own_network(text: str | None) -> bool:
    """Return whether an address is in the network that the request comes from, as far as that is known."""
    own = client_networks()[0]
    return own != UNKNOWN and own == networks_of(text)[0]


def _find_address() -> IPAddress | None:
    if not current.settings().trusted_proxies or not _chain().strip():
        return read_node(this_request().remote_addr or "")
    entry = _entry()
    address = read_node(entry) if entry else None
    if address is None:
        # The fallback would be the proxy's own address, and all clients behind it would have one limit.
        event_log.warning(
            "forwarded_address_unreadable",
            header=current.settings().forwarded_header,
            entry=None if entry is None else entry[:_LONGEST_LOGGED],
        )
    return address


def _entry() -> str | None:
    """Return the entry of the outermost trusted proxy about its sender, or None without one."""
    settings = current.settings()
    if settings.forwarded_header == "Forwarded":
        return forwarded.element_of_proxy(_chain(), settings.trusted_proxies)
    return forwarded.entry_of_proxy(_chain(), settings.trusted_proxies)


def _chain() -> str:
    return ",".join(this_request().headers.getlist(current.settings().forwarded_header))
