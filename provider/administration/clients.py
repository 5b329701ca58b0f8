"""Acts on clients, by the operator or by a client that registered itself (rfc7591, rfc7592)."""

from dataclasses import dataclass, field
from typing import Any

from provider.audit.record import Actor, record
from provider.audit.tags import EventTag
from provider.clients.addresses import check_addresses
from provider.clients.models import Client
from provider.clients.options import ClientOptions
from provider.clients.register import add
from provider.protocol.client_metadata import ClientMetadata

_MOST_URIS_RECORDED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A new client; its secret, if it needs one, is shown this once."""

    client: Client
    secret: str | None = field(default=None, repr=False)


def check_reachable(metadata: ClientMetadata, options: ClientOptions) -> None:
    """Check the addresses that an operator registers. Raises InvalidClientMetadata.

    No transaction may be open: a sector's document is fetched.
    """
    check_addresses(metadata, deliver_to=options.deliver_to, for_operator=True)


def register(
    metadata: ClientMetadata,
    options: ClientOptions | None = None,
    *,
    client_id: str | None = None,
    client_secret: str | None = None,
    any_secret_method: bool = False,
    recipe: str | None = None,
    registrant: str | None = None,
    actor: Actor = "admin",
) -> Registered:
    """Register a client; `registrant` says who did, if the client registered itself.

    An id and a secret that are not given are generated. Raises InvalidClientID, ClientIDTaken, UnusableSecret
    or InvalidOption.
    """
    client, secret = add(
        metadata,
        client_id=client_id,
        client_secret=client_secret,
        options=options,
        any_secret_method=any_secret_method,
    )
    client.recipe = recipe
    client.self_registered, client.registrant = registrant is not None, registrant
    _record(EventTag.CLIENT_ADDED, client, actor, metadata=client.registered)
    return Registered(client=client, secret=secret)


def _record(tag: EventTag, client: Client, actor: Actor, **detail: Any) -> None:
    """Record an act; of a client that acts by itself only what identifies it, because anyone may register."""
    if actor == "client":
        metadata = client.metadata_
        detail = {
            "client_name": metadata.client_name,
            "redirect_uris": metadata.redirect_uris[:_MOST_URIS_RECORDED],
        }
    record(tag, actor=actor, client_id=client.client_id, **detail)
