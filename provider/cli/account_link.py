"""One-time links for people, as the command prints them."""

from provider.cli.composition import composed
from provider.infrastructure import current


def account_link(endpoint: str, handle: str) -> str:
    """Return the address of a page behind a one-time link, with the secret part of the link."""
    return current.settings().issuer + composed().routes().path_with(endpoint, handle)
