"""Resource servers as objects of a configuration."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select

from provider.administration import resources as acts
from provider.clients import queries
from provider.clients import resources as registered
from provider.clients.models import Resource, TokenFormat
from provider.config.values import write_timedelta
from provider.configuration.entries import Entry, Files, Kind
from provider.configuration.kinds import Done, Target
from provider.configuration.members import Members
from provider.configuration.problems import InvalidConfiguration
from provider.infrastructure.database import db
from provider.infrastructure.owned_objects import CHUNK
from provider.keys.algorithms import ALGORITHMS

_MEMBERS = (
    *("name", "access_token_format", "access_token_signing_alg", "access_token_lifetime"),
    *("scopes", "client_id"),
)
_LONGEST_NAME = 200
_MOST_SCOPES = 1000


class ResourceObjects:
    """Finds, reads and changes resource servers; keys are their identifiers."""

    kind: ClassVar[Kind] = Kind.RESOURCE
    usual: ClassVar[Mapping[str, Any]] = {"access_token_format": TokenFormat.OPAQUE.value}

    def find(self, keys: Collection[str], *, lock: bool) -> dict[str, Resource]:
        """Return the resource servers of these identifiers."""
        return registered.find_many(keys, lock=lock)

    def find_owned(self, object_ids: Collection[UUID], *, lock: bool) -> dict[str, Resource]:
        """Return the resource servers of these rows."""
        listed = list(object_ids)
        names: list[str] = []
        for start in range(0, len(listed), CHUNK):
            some = select(Resource.identifier).where(Resource.id.in_(listed[start : start + CHUNK]))
            names += db.session.scalars(some).all()
        return registered.find_many(names, lock=lock)

    def state_of(self, row: Resource) -> dict[str, Any]:
        """Return everything but the identifier."""
        return registered.values_of(row)

    def read(self, entry: Entry, row: Resource | None, files: Files) -> Target:
        """Return the state that an entry declares for a resource server."""
        values = _read(entry, files)
        lifetime = values["access_token_lifetime"]
        shown = values | {
            "access_token_format": values["access_token_format"].value,
            "access_token_lifetime": None if lifetime is None else write_timedelta(lifetime),
            "scopes": list(values["scopes"]),
        }
        return Target(state=shown, act=lambda: _carry_out(entry.key, row, values, shown))

    def check_reachable(self, entry: Entry, row: Resource | None) -> None:
        """Do nothing: the provider never calls a resource server."""

    def dangers(self, row: Resource, target: Target) -> list[str]:
        """Return the scopes that tokens will no longer carry."""
        before, after = self.state_of(row)["scopes"], target.state["scopes"]
        if after and not before:
            return [f"new tokens carry only the scopes {', '.join(after)}; until now, any scope"]
        gone = [scope for scope in before if after and scope not in after]
        return [f"new tokens no longer carry the scopes {', '.join(gone)}"] if gone else []

    def dangers_of_removal(self, row: Resource) -> list[str]:  # noqa: ARG002 – the interface.
        """Return what its removal means for apps, a sentence each."""
        return ["no new tokens are issued for it; existing ones remain until they expire"]

    def remove(self, row: Resource) -> None:
        """Remove a resource server."""
        acts.remove(row.identifier)


def _read(entry: Entry, files: Files) -> dict[str, Any]:
    members = Members(entry, known=_MEMBERS)
    values: dict[str, Any] = {
        "name": members.text("name"),
        "access_token_format": members.choice("access_token_format", TokenFormat, TokenFormat.OPAQUE),
        "access_token_signing_alg": members.text("access_token_signing_alg"),
        "access_token_lifetime": members.span("access_token_lifetime"),
        "scopes": members.texts("scopes", _MOST_SCOPES),
        "client_id": members.text("client_id"),
    }
    if len(values["name"] or "") > _LONGEST_NAME:
        members.refuse("name", f"must not be longer than {_LONGEST_NAME} characters")
    if values["access_token_signing_alg"] not in (None, *ALGORITHMS):
        members.refuse("access_token_signing_alg", f"must be one of {', '.join(ALGORITHMS)}")
    client_id = values["client_id"]
    if client_id and (Kind.CLIENT, client_id) not in files.entries and not queries.find_many([client_id]):
        members.refuse("client_id", f"is not a registered client: {client_id}")
    if not members.problems:
        _check_together(entry, members, values)
    if members.problems:
        raise InvalidConfiguration(members.problems)
    return values


def _check_together(entry: Entry, members: Members, values: dict[str, Any]) -> None:
    try:
        registered.check_values(
            entry.key, values["access_token_format"], values["access_token_lifetime"], values["scopes"]
        )
    except registered.InvalidResource as exc:
        members.problems.append(entry.problem(f"cannot be registered so: {exc}"))


def _carry_out(identifier: str, row: Resource | None, values: dict[str, Any], shown: dict[str, Any]) -> Done:
    if row is None:
        return Done(object_id=acts.add(identifier, **values).id)
    if registered.values_of(row) != shown:
        acts.update(row, **values)
    return Done(object_id=row.id)
