"""The subject identifier of a person for a client (core §8)."""

from urllib.parse import urlsplit

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.infrastructure import current
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.grant_types import DEVICE_CODE
from provider.protocol.redirect_uri import is_claimed


def subject_for(account: Account, client: Client) -> str:
    """Return the person's `sub` for this client: the public one, or one for the client's sector only.

    core §8.1: a pairwise `sub` is the same for all clients of a sector and means nothing to others. Its key
    is derived from the key-encryption key and must never change (KEY-24).
    """
    if client.metadata_.subject_type != "pairwise":
        return account.sub
    return current.secret_box().lasting_token("pairwise-subject", f"{sector_of(client)}|{account.sub}")


def sector_of(client: Client) -> str:
    """Return the sector identifier: the host of `sector_identifier_uri`, or of the redirect URIs.

    A self-registered client that has not proven to belong to a sector gets a sector of its own.
    """
    metadata = client.metadata_
    if client.self_registered and not proves_sector(metadata):
        return client.client_id
    uri = metadata.sector_identifier_uri or next(iter(metadata.redirect_uris), "")
    return urlsplit(uri).hostname or client.client_id


def proves_sector(metadata: ClientMetadata) -> bool:
    """Return whether a client's redirect URIs prove that it belongs to its sector.

    core §8.1: the sector is proven by the hosts of the redirect URIs, or by a document that lists them.
    Neither proves anything about a device, which requests its tokens directly, or about a program behind a
    loopback port or a private-use scheme, which can be any program.
    """
    uris = metadata.redirect_uris
    if not uris or metadata.may_use_grant_type(DEVICE_CODE) or not all(map(is_claimed, uris)):
        return False
    return bool(metadata.sector_identifier_uri) or len({urlsplit(uri).hostname for uri in uris}) == 1
