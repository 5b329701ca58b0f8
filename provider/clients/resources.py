"""The resource servers that tokens may be meant for (rfc8707), as the operator registered them."""

import re
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from provider.clients import queries
from provider.clients.models import Client, Resource, TokenFormat
from provider.config.checks import LONGEST_LIVES
from provider.config.values import write_timedelta
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db
from provider.infrastructure.opaque_tokens import new_id
from provider.protocol.errors import InvalidTarget
from provider.protocol.redirect_uri import shown
from provider.protocol.resource_indicator import MOST_RESOURCES, MalformedIdentifier, check_identifier

# How many resource servers one statement names.
_CHUNK = 500
# rfc6749 §3.3: scope-token.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")


class UnknownResource(LookupError):
    """There is no such resource server."""


class IdentifierTaken(Exception):
    """Another resource server has this identifier."""


class InvalidResource(ValueError):
    """The resource server cannot be registered with these values; the message says why."""


def check(asked: Iterable[str]) -> tuple[Resource, ...]:
    """Return the resource servers that a request names. Raises InvalidTarget; makes no query without any.

    The provider itself is a resource server that needs no registration, with its UserInfo Endpoint and
    account API.
    """
    wanted = tuple(dict.fromkeys(asked))
    if not wanted:
        return ()
    if len(wanted) > MOST_RESOURCES:
        raise InvalidTarget(f"more than {MOST_RESOURCES} resources")
    for identifier in wanted:
        try:
            check_identifier(identifier)
        except MalformedIdentifier as exc:
            raise InvalidTarget(f"a resource {exc}") from exc
    known = {resource.identifier: resource for resource in _list(wanted)} | _ourselves()
    if unknown := [identifier for identifier in wanted if identifier not in known]:
        raise InvalidTarget("a resource is not registered here", detail=" ".join(map(shown, unknown)))
    return tuple(known[identifier] for identifier in wanted)


def add(
    identifier: str,
    *,
    name: str | None = None,
    access_token_format: TokenFormat = TokenFormat.OPAQUE,
    access_token_signing_alg: str | None = None,
    access_token_lifetime: timedelta | None = None,
    scopes: Collection[str] = (),
    client: Client | None = None,
) -> Resource:
    """Register a resource server. Raises InvalidResource or IdentifierTaken."""
    check_values(identifier, access_token_format, access_token_lifetime, scopes)
    resource = Resource(
        id=new_id(),
        identifier=identifier,
        name=name,
        access_token_format=access_token_format.value,
        access_token_signing_alg=access_token_signing_alg,
        access_token_lifetime=access_token_lifetime,
        scopes=" ".join(dict.fromkeys(scopes)),
        client_id=client.id if client else None,
        created_at=clock.now(),
    )
    db.session.add(resource)
    try:
        db.session.flush()
    except IntegrityError as exc:
        raise IdentifierTaken(f"the resource {identifier} is already registered") from exc
    return resource


def update(
    known: Resource,
    *,
    name: str | None,
    access_token_format: TokenFormat,
    access_token_signing_alg: str | None,
    access_token_lifetime: timedelta | None,
    scopes: Collection[str],
    client: Client | None,
) -> None:
    """Replace everything about a resource server except its identifier. Raises InvalidResource."""
    check_values(known.identifier, access_token_format, access_token_lifetime, scopes)
    known.name = name
    known.access_token_format = access_token_format.value
    known.access_token_signing_alg = access_token_signing_alg
    known.access_token_lifetime = access_token_lifetime
    known.scopes = " ".join(dict.fromkeys(scopes))
    known.client_id = client.id if client else None
    db.session.flush()


def check_values(
    identifier: str, access_token_format: TokenFormat, lifetime: timedelta | None, scopes: Collection[str]
) -> None:
    """Raise InvalidResource if a resource server cannot be registered with these values."""
    try:
        check_identifier(identifier)
    except MalformedIdentifier as exc:
        raise InvalidResource(f"the identifier {exc}") from exc
    if identifier == current.settings().issuer:
        raise InvalidResource("the provider itself cannot be registered as a resource")
    _check_lifetime(access_token_format, lifetime)
    if not all(map(_SCOPE.fullmatch, scopes)):
        raise InvalidResource("a scope has visible ASCII characters other than quotes and backslashes")


def remove(identifier: str) -> None:
    """Delete a resource server: no token is issued for it any more. Raises UnknownResource."""
    if change(delete(Resource).where(Resource.identifier == identifier)) != 1:
        raise UnknownResource(f"there is no resource {identifier}")


def get(identifier: str) -> Resource:
    """Return a resource server, or raise UnknownResource. Served by the unique identifier."""
    found = _list((identifier,))
    if not found:
        raise UnknownResource(f"there is no resource {identifier}")
    return found[0]


def find_many(identifiers: Collection[str], *, lock: bool = False) -> dict[str, Resource]:
    """Return these resource servers by identifier, except unknown ones; locked until the commit if wanted."""
    found: dict[str, Resource] = {}
    named = sorted(identifiers)
    for start in range(0, len(named), _CHUNK):
        some = select(Resource).where(Resource.identifier.in_(named[start : start + _CHUNK]))
        some = some.order_by(Resource.identifier).execution_options(populate_existing=True)
        some = some.with_for_update() if lock else some
        found |= {one.identifier: one for one in db.session.scalars(some)}
    return found


def get_by_id(resource_id: UUID, *, lock: bool = False) -> Resource:
    """Return a resource server by its primary key, locked until the commit if wanted.

    Raises UnknownResource.
    """
    found = db.session.get(Resource, resource_id, populate_existing=lock, with_for_update=lock or None)
    if found is None:
        raise UnknownResource(f"there is no resource {resource_id}")
    return found


def values_of(resource: Resource) -> dict[str, Any]:
    """Return the values of a resource server that can be changed, by name."""
    lifetime: timedelta | None = resource.access_token_lifetime
    client = queries.find(resource.client_id) if resource.client_id else None
    return {
        "name": resource.name,
        "access_token_format": resource.access_token_format,
        "access_token_signing_alg": resource.access_token_signing_alg,
        "access_token_lifetime": write_timedelta(lifetime) if lifetime is not None else None,
        "scopes": resource.scopes.split(),
        "client_id": client.client_id if client else None,
    }


def list_resources() -> list[Resource]:
    """List the resource servers by their identifiers."""
    return list(db.session.scalars(select(Resource).order_by(Resource.identifier)))


def names_of(identifiers: Collection[str]) -> list[str]:
    """Return the names of resource servers as shown to people; makes no query without any."""
    found = {one.identifier: one for one in _list(tuple(identifiers))} if identifiers else {}
    known = [found[identifier] for identifier in identifiers if identifier in found]
    return [f"{one.name} ({one.identifier})" if one.name else one.identifier for one in known]


def servers_among(identifiers: Iterable[str]) -> tuple[str, ...]:
    """Return the resources other than the provider itself; people are asked for consent to these."""
    issuer = current.settings().issuer
    return tuple(identifier for identifier in identifiers if identifier != issuer)


def is_served_by(client: Client, audience: Iterable[str]) -> bool:
    """Return whether a client belongs to one of the resource servers that a token is meant for."""
    return any(resource.client_id == client.id for resource in _list(tuple(audience)))


def _check_lifetime(access_token_format: TokenFormat, lifetime: timedelta | None) -> None:
    if lifetime is None:
        return
    if lifetime <= timedelta(0):
        raise InvalidResource("access_token_lifetime must be greater than zero")
    longest = LONGEST_LIVES["jwt_access_token_lifetime"]
    # A signed token cannot be revoked at a server that does not use introspection.
    if access_token_format is TokenFormat.JWT and lifetime > longest:
        raise InvalidResource(f"access_token_lifetime must not exceed {longest.total_seconds():.0f}s for jwt")


def _list(identifiers: tuple[str, ...]) -> list[Resource]:
    named = select(Resource).where(Resource.identifier.in_(identifiers))
    return list(db.session.scalars(named))


def _ourselves() -> dict[str, Resource]:
    issuer = current.settings().issuer
    own = Resource(identifier=issuer, access_token_format=TokenFormat.OPAQUE.value, scopes="")
    return {issuer: own}
