"""Add a new client."""

import re
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import IntegrityError

from provider.clients.models import Client
from provider.clients.options import ClientOptions
from provider.clients.own import RESERVED_IDS
from provider.clients.queries import is_client_id_taken
from provider.clients.secrets import UnusableSecret, check_given, keep, new_secret
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id
from provider.protocol.client_metadata import ClientMetadata

# rfc6749 appendix A.1 allows any VSCHAR; without spaces, plus and percent signs, an id needs no encoding.
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~:/@-]{1,255}")


class ClientIDTaken(Exception):
    """Another client has, or had, this id, perhaps in different case."""


class InvalidClientID(ValueError):
    """The id cannot be used for a client; the message says why."""


def add(
    metadata: ClientMetadata,
    *,
    client_id: str | None = None,
    client_secret: str | None = None,
    options: ClientOptions | None = None,
    any_secret_method: bool = False,
) -> tuple[Client, str | None]:
    """Add a client; returns it with its secret, which is shown only once, or None if it needs none.

    With `any_secret_method` the secret may be sent with Basic or in the form. An omitted id or secret is
    generated. Raises InvalidClientID, ClientIDTaken, UnusableSecret or InvalidOption.
    """
    options = options or ClientOptions()
    options.check_with(metadata)
    client_id = str(new_id()) if client_id is None else check_new_id(client_id)
    secret = _secret_for(metadata, client_secret)
    client = _made(metadata, client_id, secret)
    client.any_secret_method = any_secret_method and metadata.has_secret
    apply_options(client, options)
    db.session.add(client)
    try:
        db.session.flush()
    except IntegrityError as exc:
        raise ClientIDTaken(f"the client id {client_id!r} is taken") from exc
    return client, secret


def _made(metadata: ClientMetadata, client_id: str, secret: str | None) -> Client:
    now = clock.now()
    client = Client(
        id=new_id(),
        client_id=client_id,
        registered=metadata.to_wire(),
        search_text=search_text(client_id, metadata),
        epoch=0,
        created_at=now,
        updated_at=now,
    )
    if secret is not None:
        keep(client, secret)
    return client


def search_text(client_id: str, metadata: ClientMetadata) -> ColumnElement[str]:
    """Return the text for searches; the database makes it lower case, as it does with the search term."""
    return func.lower(f"{client_id} {metadata.client_name or ''}")


def apply_options(client: Client, options: ClientOptions) -> None:
    """Write the operator's options into a client's row."""
    client.first_party = options.first_party
    client.offline_policy = options.offline_policy.value
    client.confirm_sign_out = options.confirm_sign_out.value
    client.result_page = options.result_page.value
    client.told_of_expiry = options.told_of_expiry
    client.logout_token_names = options.logout_token_names.value
    client.id_token_claims = options.id_token_claims.value
    client.grant_lifetime = options.grant_lifetime
    client.refresh_reuse_interval = options.refresh_reuse_interval
    client.deliver_to = options.deliver_to
    client.slow = options.slow
    client.session_lifetime = options.session_lifetime
    client.refuse_when_degraded_for = options.refuse_when_degraded_for
    client.may_exchange_tokens_of = list(options.may_exchange_tokens_of or ()) or None


def _secret_for(metadata: ClientMetadata, given: str | None) -> str | None:
    if not metadata.has_secret:
        if given is not None:
            raise UnusableSecret("a client that does not authenticate with a secret must not have one")
        return None
    if given is None:
        return new_secret()
    check_given(given)
    return given


def check_new_id(client_id: str) -> str:
    """Return a given id for a new client, which must not be mistaken for another party (SEC-907).

    Raises InvalidClientID or ClientIDTaken.
    """
    if not _CLIENT_ID.fullmatch(client_id):
        raise InvalidClientID("a client id has 1 to 255 letters, digits or . _ ~ : / @ -")
    issuer = current.settings().issuer
    ours = (urlsplit(issuer).netloc, urlsplit(issuer).hostname or "")
    if client_id.lower() in ours or client_id.lower().startswith(issuer.lower()):
        raise InvalidClientID("a client id must not be the issuer or an address of it")
    if client_id.lower() in RESERVED_IDS:
        raise InvalidClientID(f"the client id {client_id!r} is reserved for a part of the provider")
    if is_client_id_taken(client_id):
        raise ClientIDTaken(f"the client id {client_id!r} is taken")
    return client_id
