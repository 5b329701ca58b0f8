"""Acts on clients, by the operator or by a client that registered itself (rfc7591, rfc7592)."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from provider.audit.record import Actor, record
from provider.audit.tags import EventTag
from provider.clients import change, queries
from provider.clients.addresses import check_addresses
from provider.clients.models import Client, IDTokenClaims
from provider.clients.options import ClientOptions, values_of
from provider.clients.register import add
from provider.logout.bulk import begin as bulk
from provider.protocol.client_metadata import ClientMetadata

# DEC-05: what a new client gets unless the operator says otherwise, where it differs from the
# specification's default; self-registered clients keep that.
PRESELECTED = {"grant_types": ["authorization_code", "refresh_token"]}
PRESELECTED_OPTIONS = {"id_token_claims": IDTokenClaims.SCOPES}
_MOST_URIS_RECORDED = 10


class ChangedMeanwhile(Exception):
    """The client has changed since the change was decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A new client; its secret, if it needs one, is shown only once."""

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
    """Register a client; `registrant` identifies the registrant of a client that registered itself.

    An omitted id or secret is generated. Raises InvalidClientID, ClientIDTaken, UnusableSecret or
    InvalidOption.
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


def lock_as_seen(client_id: str, seen_at: datetime) -> Client:
    """Lock a client for a change, if it has not been changed since; raises UnknownClient or ChangedMeanwhile.

    `seen_at` is the `updated_at` of the row from which the change was decided.
    """
    client = queries.lock(client_id)
    if client.updated_at != seen_at:
        raise ChangedMeanwhile("the client was changed in the meantime; review it and try again")
    return client


def update(
    client: Client,
    metadata: ClientMetadata,
    options: ClientOptions | None = None,
    *,
    enabled: bool | None = None,
    keep_tokens: bool = False,
    any_secret_method: bool | None = None,
    actor: Actor = "admin",
) -> str | None:
    """Change a locked client; what is None stays as it is. Returns a new secret if the client now needs one.

    A client that may no longer have offline access loses its offline grants (ABU-24), by a bulk logout that
    begins here. For the service tokens, see `provider.clients.change.update`. Raises InvalidOption.
    """
    before, could_stay_offline = _state_of(client), client.may_stay_offline
    secret = change.update(
        client, metadata, options, keep_tokens=keep_tokens, any_secret_method=any_secret_method
    )
    if enabled is not None:
        (change.enable if enabled else change.disable)(client)
    if could_stay_offline and not client.may_stay_offline:
        bulk.end_offline_of_client(client, actor)
    after = _state_of(client)
    changed = _names_of_changed(before, after)
    _record(
        EventTag.CLIENT_UPDATED,
        client,
        actor,
        changed=changed,
        before={name: before.get(name) for name in changed},
        after={name: after.get(name) for name in changed},
        auth_methods=client.auth_methods,
        options=asdict(options) if options else None,
        enabled=client.disabled_at is None,
    )
    return secret


def remove(client: Client, *, actor: Actor = "admin") -> None:
    """Remove a locked client and revoke everything issued to it; pending notifications are still sent."""
    change.remove(client)
    _record(EventTag.CLIENT_REMOVED, client, actor)


def _state_of(client: Client) -> dict[str, Any]:
    """Return everything that an update may change, by name."""
    return client.registered | values_of(client) | {"enabled": client.disabled_at is None}


def _names_of_changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _record(tag: EventTag, client: Client, actor: Actor, **detail: Any) -> None:
    """Record an act; if the client acts for itself, only what identifies it, because anyone may register."""
    if actor == "client":
        metadata = client.metadata_
        detail = {
            "client_name": metadata.client_name,
            "redirect_uris": metadata.redirect_uris[:_MOST_URIS_RECORDED],
        }
    record(tag, actor=actor, client_id=client.client_id, **detail)
