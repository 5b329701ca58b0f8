"""Addresses of self-registered clients: the operator has not checked them, so a person sees them first.

rfc9700 §4.11.2: 'The authorization server SHOULD only automatically redirect the user agent if it trusts
the redirect URI.'
"""

from urllib.parse import urlsplit

from provider.clients.models import Client
from provider.infrastructure import current
from provider.protocol.idn import both_forms


def is_unchecked(client: Client) -> bool:
    """Return whether a client registered itself and the operator has not made it a first-party app."""
    return client.self_registered and not client.first_party


def unchecked_host(client: Client, address: str) -> str | None:
    """Return the host of a client's address if a person must see it before going there, or None."""
    return host_to_show(address) if is_unchecked(client) else None


def host_to_show(address: str) -> str | None:
    """Return the host of an address in both forms, or the scheme of a native app's address.

    None if the operator trusts the host.
    """
    parts = urlsplit(address)
    if parts.hostname in current.settings().registration_trusted_hosts:
        return None
    return both_forms(parts.netloc) or f"{parts.scheme}:"
