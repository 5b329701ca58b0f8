"""Change a client: its registration, its secret, and whether it is enabled."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update as sql_update

from provider.clients import credentials
from provider.clients.models import Client
from provider.clients.options import ClientOptions
from provider.clients.register import apply_options, search_text
from provider.clients.secrets import check_given, keep, new_secret, replace
from provider.infrastructure import clock
from provider.infrastructure.database import change, db
from provider.protocol.client_metadata import ClientMetadata

# How long the replaced secret still works, so that the client's hosts can be updated one by one (KEY-19).
ROTATION_OVERLAP = timedelta(days=1)


class NoSecret(Exception):
    """The client does not authenticate with a secret."""


def update(
    client: Client,
    metadata: ClientMetadata,
    options: ClientOptions | None = None,
    *,
    keep_tokens: bool = False,
    any_secret_method: bool | None = None,
) -> str | None:
    """Replace a client's registered metadata, and the operator's options if given.

    `any_secret_method` says whether the secret may be sent with Basic as well as in the form; None keeps the
    current value unless the authentication method changes. If a credential is withdrawn, the client's service
    tokens end, unless `keep_tokens` is set. Returns a new secret if the client's authentication method needs
    one and it has none. Raises InvalidOption for options that contradict the metadata.
    """
    if options is not None:
        options.check_with(metadata)
    if not keep_tokens and credentials.are_withdrawn(client.metadata_, metadata):
        credentials.end_service_tokens(client)
    if any_secret_method is None:
        kept = metadata.token_endpoint_auth_method == client.metadata_.token_endpoint_auth_method
        any_secret_method = client.any_secret_method and kept
    client.any_secret_method = any_secret_method and metadata.has_secret
    client.registered = metadata.to_wire()
    client.search_text = search_text(client.client_id, metadata)
    client.updated_at = clock.now()
    if options is not None:
        apply_options(client, options)
    secret = None
    if not metadata.has_secret:
        # A secret that is no longer used must not become valid again later.
        client.secret_digest = client.previous_secret_digest = None
        client.secret_expires_at = client.previous_secret_expires_at = None
    elif client.secret_digest is None:
        secret = new_secret()
        keep(client, secret)
    db.session.flush()
    return secret


def rotate_secret(
    client: Client,
    *,
    secret: str | None = None,
    overlap: timedelta = ROTATION_OVERLAP,
    keep_tokens: bool = False,
) -> str:
    """Give a client a new secret and return it; the old one stays valid for the overlap (KEY-19).

    Its service tokens end at once, unless `keep_tokens` is set.
    """
    if not client.metadata_.has_secret:
        raise NoSecret(f"the client {client.client_id!r} does not authenticate with a secret")
    secret = new_secret() if secret is None else secret
    check_given(secret)
    # Of two concurrent rotations, the later replaces the secret of the earlier, so both results are valid.
    db.session.refresh(client, with_for_update={"key_share": True})
    now = clock.now()
    ends = [now + overlap] + ([client.secret_expires_at] if client.secret_expires_at else [])
    client.previous_secret_expires_at = min(ends)
    replace(client, secret)
    client.secret_expires_at = None
    client.previous_secret_last_used_at, client.secret_last_used_at = client.secret_last_used_at, None
    client.updated_at = now
    db.session.flush()
    if not keep_tokens:
        credentials.end_service_tokens(client)
    return secret


def disable(client: Client) -> bool:
    """Disable a client, which revokes its grants. False if it was already disabled."""
    if client.disabled_at is not None:
        return False
    _write(client, disabled_at=clock.now(), epoch=Client.epoch + 1)
    return True


def enable(client: Client) -> bool:
    """Enable a client; what was revoked stays revoked. False if it was already enabled."""
    if client.disabled_at is None:
        return False
    _write(client, disabled_at=None)
    return True


def remove(client: Client) -> None:
    """Remove a client; its row stays for its pending notifications, and its id is never reused."""
    _write(
        client,
        deleted_at=clock.now(),
        epoch=Client.epoch + 1,
        secret_digest=None,
        previous_secret_digest=None,
        registration_token_digest=None,
    )


def _write(client: Client, **values: Any) -> None:
    """Update the row directly, because an epoch must be incremented in the database, not in a loaded copy."""
    change(sql_update(Client).where(Client.id == client.id).values(updated_at=clock.now(), **values))
    db.session.refresh(client)
