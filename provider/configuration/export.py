"""Write the state of the database as a file; a plan of that file would change nothing.

Fields at their default are omitted. For a secret, the file says only that the client has one.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from uuid import UUID

import yaml
from sqlalchemy import select

from provider.accounts.models import Account
from provider.administration.clients import PRESELECTED
from provider.clients import own, queries, resources
from provider.clients.models import Client, Resource, TokenFormat
from provider.clients.options import values_of
from provider.configuration import policies
from provider.configuration.client_options import DEFAULTS, as_json
from provider.configuration.entries import VERSION, Kind
from provider.configuration.secret_reference import GENERATED
from provider.infrastructure import owned_objects
from provider.infrastructure.database import db
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.redirect_uri_rules import unwise_uris

T = TypeVar("T")
_METHOD = "token_endpoint_auth_method"
_PAGE = 500
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The text of a file, and the objects that it omits, by reason."""

    text: str
    self_registered: int
    owned_by_others: dict[str, int]


def export(configuration: str, *, only_owned: bool = False) -> Exported:
    """Return the objects of a configuration; unless `only_owned`, also the unowned ones and the policies."""
    others: dict[str, int] = {}

    def wanted(kind: Kind, page: Collection[UUID]) -> set[UUID]:
        owners = owned_objects.owners_of(kind, page)
        for owner in owners.values():
            if owner != configuration:
                others[owner] = others.get(owner, 0) + 1
        free = set() if only_owned else set(page) - owners.keys()
        return free | {one for one, owner in owners.items() if owner == configuration}

    self_registered = 0
    clients: dict[str, Any] = {}
    for client in _chosen(Kind.CLIENT, _all_clients(), wanted):
        if client.self_registered:
            self_registered += 1
        else:
            clients[client.client_id] = _of_client(client)
    document = {
        "apiVersion": VERSION,
        "configuration": configuration,
        policies.SECTION: {} if only_owned else policies.in_force(),
        "clients": clients,
        "resources": {
            one.identifier: _of_resource(one)
            for one in _chosen(Kind.RESOURCE, resources.list_resources(), wanted)
        },
        "roles": {one.username: one.role for one in _chosen(Kind.ROLE, _with_roles(), wanted)},
    }
    return Exported(
        text=_dumped({name: value for name, value in document.items() if value}),
        self_registered=self_registered,
        owned_by_others=others,
    )


def _dumped(document: dict[str, Any]) -> str:
    text: str = yaml.dump(
        document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )
    return text


def _of_client(client: Client) -> dict[str, Any]:
    metadata, unwise = client.metadata_, unwise_uris(client.metadata_)
    options = as_json(values_of(client))
    defaults = as_json(asdict(DEFAULTS))
    return _without_nothing(
        {
            "metadata": _shortest(client, metadata, accept=bool(unwise)),
            "options": {name: options[name] for name in sorted(options) if options[name] != defaults[name]},
            "enabled": None if client.disabled_at is None else False,
            "secret": GENERATED if metadata.has_secret else None,
            "accept_unwise_redirect_uris": bool(unwise) or None,
        }
    )


def _shortest(client: Client, metadata: ClientMetadata, *, accept: bool) -> dict[str, Any]:
    """Return the fields without defaults, unless the client would then be read differently."""
    wire = metadata.to_wire()
    if client.any_secret_method:
        # Without this field, both methods of sending the secret are accepted.
        del wire[_METHOD]
    usual = PRESELECTED | ClientMetadata().to_wire()
    usual |= PRESELECTED
    short = {name: wire[name] for name in sorted(wire) if name == _METHOD or wire[name] != usual.get(name)}
    return short if _is_read_as(short, metadata, accept=accept) else dict(sorted(wire.items()))


def _is_read_as(named: dict[str, Any], metadata: ClientMetadata, *, accept: bool) -> bool:
    try:
        read = read_registration(PRESELECTED | named, may_be_unwise=lambda _: accept, registered=metadata)
    except InvalidClientMetadata:
        # An older release accepted something that is refused now; planning the file will report it.
        return False
    return read == metadata


def _of_resource(resource: Resource) -> dict[str, Any]:
    values = resources.values_of(resource)
    if resource.access_token_format == TokenFormat.OPAQUE:
        del values["access_token_format"]
    return _without_nothing(values)


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [], {})}


def _all_clients() -> Iterator[Client]:
    after = None
    while page := queries.list_clients(after=after, limit=_PAGE):
        yield from (client for client in page if not own.is_own(client))
        after = page[-1].id


def _with_roles() -> list[Account]:
    found = select(Account).where(Account.role.is_not(None), Account.deleted_at.is_(None))
    return list(db.session.scalars(found.order_by(Account.folded_username)))


def _chosen(kind: Kind, rows: Any, wanted: Callable[[Kind, Collection[UUID]], set[UUID]]) -> Iterator[Any]:
    """Yield the rows that belong in the file, querying the owners of many at once."""
    listed = list(rows)
    chosen = wanted(kind, [one.id for one in listed])
    yield from (one for one in listed if one.id in chosen)
