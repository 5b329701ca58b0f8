"""What a client calls a person (core §8)."""

from urllib.parse import urlsplit

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.infrastructure import current


def subject_for(account: Account, client: Client) -> str:
    """Return the person's `sub` for this client: the public one, or one of the client's sector alone.

    core §8.1: a pairwise `sub` is the same for all clients of a sector and tells nothing to others.
    Its key is derived from the key-encryption key and must never change (KEY-24).
    """
    if client.metadata_.subject_type != "pairwise":
        return account.sub
    return current.secret_box().keyed_token("pairwise-subject", f"{sector_of(client)}|{account.sub}")


def sector_of(client: Client) -> str:
    """Return the sector identifier: the host of `sector_identifier_uri`, or of the redirect URIs."""
    metadata = client.metadata_
    uri = metadata.sector_identifier_uri or next(iter(metadata.redirect_uris), "")
    return urlsplit(uri).hostname or client.client_id
