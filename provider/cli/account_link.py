"""One-time links for people, as the command prints them."""

import re

from provider.cli.composition import composed
from provider.infrastructure import current


def account_link(endpoint: str, handle: str) -> str:
    """Return the address of a page behind a one-time link, with the secret part of the link."""
    return current.settings().issuer + re.sub(r"<[^>]+>", handle, composed().routes().path_of(endpoint))
