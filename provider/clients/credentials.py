"""Changes of a client that withdraw a credential, and the service tokens that end with it.

A client gets service tokens with its credentials alone, for itself or in exchange for a person's token, so
they end when a credential is withdrawn. Tokens that a person allowed depend on that person's grant.
"""

from typing import Any

from sqlalchemy import update

from provider.clients.models import Client
from provider.infrastructure.database import change, db
from provider.protocol.client_metadata import ClientMetadata

# A change of one of these replaces the client's previous credential.
_REPLACED = (
    "token_endpoint_auth_method",
    "jwks_uri",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)


def are_withdrawn(before: ClientMetadata, after: ClientMetadata) -> bool:
    """Return whether a credential of the client is no longer accepted; adding a key withdraws none."""
    replaced = any(getattr(before, name) not in (None, getattr(after, name)) for name in _REPLACED)
    return replaced or any(key not in _keys(after) for key in _keys(before))


def end_service_tokens(client: Client) -> None:
    """End all service tokens of the client: they are rejected as soon as this is committed."""
    counted_up = {"credentials_epoch": Client.credentials_epoch + 1}
    change(update(Client).where(Client.id == client.id).values(**counted_up))
    db.session.refresh(client, ["credentials_epoch"])


def _keys(metadata: ClientMetadata) -> list[Any]:
    return list((metadata.jwks or {}).get("keys", ()))
