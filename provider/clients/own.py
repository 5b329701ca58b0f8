"""Clients of the provider itself: the console. It registers them, and no one else may use their ids."""

from sqlalchemy import ColumnElement, and_, select

from provider.clients.models import Client, IDTokenClaims
from provider.clients.queries import find_by_client_id
from provider.clients.secrets import keep, new_secret
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id
from provider.protocol.client_metadata import ClientMetadata

CONSOLE_ID = "curfew-console"
RESERVED_IDS = frozenset({CONSOLE_ID})
CONSOLE_NAME = "Curfew console"


def is_app() -> ColumnElement[bool]:
    """Return the condition on Client that it is an app and not part of the provider."""
    return and_(*(Client.client_id != one for one in sorted(RESERVED_IDS)))


def is_own(client: Client) -> bool:
    """Return whether a client is part of the provider, which needs no notification of ended sessions."""
    return client.client_id in RESERVED_IDS


def find_console(redirect_uri: str) -> Client | None:
    """Find the console's client, if it is registered with this address."""
    client = find_by_client_id(CONSOLE_ID)
    return client if client and client.registered.get("redirect_uris") == [redirect_uri] else None


def establish_console(redirect_uri: str) -> Client:
    """Make the console's client, or move it to this address, inside the open transaction, and return it.

    Its secret is never revealed: the console redeems its codes in the provider's own process, and nothing
    else can redeem them at the token endpoint.
    """
    known = select(Client).where(Client.client_id == CONSOLE_ID)
    client = db.session.scalars(known, execution_options={"populate_existing": True}).one_or_none()
    if client is None:
        client = _made(redirect_uri)
    elif client.deleted_at is not None or client.registered.get("redirect_uris") != [redirect_uri]:
        # A removed client is restored: nothing else may use its id. Disable it to turn the console off.
        client.registered, client.deleted_at = _metadata(redirect_uri).to_wire(), None
        client.updated_at = clock.now()
        keep(client, new_secret())
    db.session.flush()
    return client


def _made(redirect_uri: str) -> Client:
    now = clock.now()
    client = Client(
        id=new_id(),
        client_id=CONSOLE_ID,
        registered=_metadata(redirect_uri).to_wire(),
        first_party=True,
        id_token_claims=IDTokenClaims.REQUESTED.value,
        epoch=0,
        created_at=now,
        updated_at=now,
    )
    keep(client, new_secret())
    db.session.add(client)
    return client


def _metadata(redirect_uri: str) -> ClientMetadata:
    return ClientMetadata(redirect_uris=(redirect_uri,), client_name=CONSOLE_NAME, scope="openid")
