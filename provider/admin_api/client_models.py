"""The forms of clients in the admin API: requests and responses."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from provider.admin_api.inputs import Input, Page
from provider.admin_api.owners import ManagedBy
from provider.clients.models import (
    Client,
    ConfirmSignOut,
    IDTokenClaims,
    LogoutTokenNames,
    OfflinePolicy,
    ResultPage,
)
from provider.clients.options import ClientOptions, from_values, values_of
from provider.infrastructure import owned_objects
from provider.protocol.client_metadata import FIELDS, InvalidClientMetadata, Problem
from provider.protocol.client_metadata_texts import read_translations
from provider.protocol.redirect_uri_rules import unwise_uris

_SPANS = ("grant_lifetime", "refresh_reuse_interval", "session_lifetime", "refuse_when_degraded_for")
# A hundred years; adding a longer span to an instant could overflow.
Seconds = Annotated[int, Meta(ge=0, le=3_153_600_000, description="Seconds.")]
Metadata = Annotated[
    dict[str, Any],
    Meta(
        description="Registered metadata under the names of RFC 7591, OpenID Connect Registration and the "
        "logout specifications; unknown members are refused."
    ),
]
ClientID = Annotated[str, Meta(min_length=1, max_length=255)]
URL = Annotated[str, Meta(max_length=2048)]


class Options(Input, frozen=True, kw_only=True):
    """The operator's options for a client; null stands for the default of the settings."""

    first_party: bool = False
    offline_policy: OfflinePolicy = OfflinePolicy.KEEP
    confirm_sign_out: ConfirmSignOut = ConfirmSignOut.WHEN_NEEDED
    result_page: ResultPage = ResultPage.WHEN_PENDING
    told_of_expiry: bool = True
    logout_token_names: LogoutTokenNames = LogoutTokenNames.BOTH
    id_token_claims: IDTokenClaims = IDTokenClaims.SCOPES
    grant_lifetime: Seconds | None = None
    refresh_reuse_interval: Seconds | None = None
    deliver_to: URL | None = None
    slow: bool = False
    session_lifetime: Seconds | None = None
    refuse_when_degraded_for: Seconds | None = None
    may_exchange_tokens_of: Annotated[list[ClientID], Meta(max_length=1000)] = msgspec.field(
        default_factory=list
    )

    def as_options(self) -> ClientOptions:
        """Return them as `ClientOptions`. Raises InvalidOption."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        spans = {n: timedelta(seconds=values[n]) if values[n] is not None else None for n in _SPANS}
        return from_values(values | spans)


class NewClient(Input, frozen=True, kw_only=True):
    """A client to register; an id is generated if none is given; the secret always is."""

    metadata: Metadata
    client_id: ClientID | None = None
    options: Options = Options()
    # The recipe of the client's software, from which its configuration is made.
    recipe: Annotated[str, Meta(max_length=32)] | None = None
    # Accepts redirect URIs at which other parties may receive the response.
    accept_unwise_redirect_uris: bool = False


class ClientPatch(Input, frozen=True, kw_only=True):
    """A merge patch: null removes a member, and a list replaces the previous list."""

    metadata: Metadata | UnsetType = UNSET
    options: (
        Annotated[dict[str, Any], Meta(description="Members of `Options`; null sets the default.")]
        | UnsetType
    ) = UNSET
    enabled: bool | UnsetType = UNSET
    accept_unwise_redirect_uris: bool = False
    # Whether service tokens stay valid when a credential is withdrawn.
    keep_tokens: bool = False


class ClientState(Input, frozen=True, kw_only=True):
    """A client's state after a patch."""

    metadata: Metadata
    enabled: bool
    options: Options = Options()


class ListClients(Page, frozen=True, kw_only=True):
    """A filter of clients."""

    q: Annotated[str, Meta(max_length=255, description="A part of the client_id or of the name.")] | None = (
        None
    )
    client_id: ClientID | None = None
    enabled: bool | None = None


class ClientView(msgspec.Struct, frozen=True, kw_only=True):
    """A client; its secret is shown only when it is made."""

    client_id: str
    metadata: dict[str, Any]
    options: Options
    enabled: bool
    token_endpoint_auth_methods: list[str]
    unwise_redirect_uris: dict[str, str]
    self_registered: bool
    registrant: str | None
    managed_by: ManagedBy
    recipe: str | None
    created_at: datetime
    updated_at: datetime
    secret_last_used_at: datetime | None
    previous_secret_expires_at: datetime | None
    previous_secret_last_used_at: datetime | None


class ClientPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of clients, oldest first."""

    items: list[ClientView]
    next: UUID | None


class MadeClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client as it was registered or changed, with its secret if that is new, which is shown only once."""

    client: ClientView
    client_secret: str | None


class SecretRotation(Input, frozen=True, kw_only=True):
    """The replacement of a secret."""

    # How long the replaced one stays valid.
    overlap: Annotated[int, Meta(ge=0, le=31_536_000, description="Seconds.")] = 86_400
    keep_tokens: bool = False


class RotatedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A new secret, shown only once."""

    client_id: str
    client_secret: str
    previous_secret_expires_at: datetime | None
    service_tokens_ended: int


class RemovalPreview(msgspec.Struct, frozen=True, kw_only=True):
    """The consequences of removing a client."""

    client_sessions: int
    grants: int
    service_tokens: int
    # These are still sent after the removal.
    pending_notifications: int


def view_of(client: Client) -> ClientView:
    """Return a client in its response form."""
    return views_of([client])[0]


def views_of(clients: Sequence[Client]) -> list[ClientView]:
    """Return clients in their response form; one statement reads their owners."""
    owners = owned_objects.owners_of("client", [one.id for one in clients])
    return [_view(one, owners.get(one.id)) for one in clients]


def _view(client: Client, owner: str | None) -> ClientView:
    return ClientView(
        client_id=client.client_id,
        metadata=client.metadata_.to_wire(),
        options=options_of(client),
        enabled=client.disabled_at is None,
        token_endpoint_auth_methods=list(client.auth_methods),
        unwise_redirect_uris=dict(unwise_uris(client.metadata_)),
        self_registered=client.self_registered,
        registrant=client.registrant,
        managed_by=owner,
        recipe=client.recipe,
        created_at=client.created_at,
        updated_at=client.updated_at,
        secret_last_used_at=client.secret_last_used_at,
        previous_secret_expires_at=client.previous_secret_expires_at,
        previous_secret_last_used_at=client.previous_secret_last_used_at,
    )


def options_of(client: Client) -> Options:
    """Return the operator's options for a client."""
    values = asdict(from_values(values_of(client)))
    spans = {n: int(values[n].total_seconds()) if values[n] is not None else None for n in _SPANS}
    exchanged = list(values["may_exchange_tokens_of"] or ())
    return Options(**cast("dict[str, Any]", values | spans | {"may_exchange_tokens_of": exchanged}))


def check_members(metadata: dict[str, Any]) -> None:
    """Raise InvalidClientMetadata for unknown members; the protocol would ignore them."""
    unknown = sorted(metadata.keys() - set(FIELDS) - read_translations(metadata)[0].keys())
    if unknown := [name for name in unknown if metadata[name] is not None or "#" not in name]:
        raise InvalidClientMetadata(Problem(name, "is not known") for name in unknown)
