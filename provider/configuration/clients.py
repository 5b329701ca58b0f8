"""Clients as objects of a configuration."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select

from provider.administration import client_credentials
from provider.administration import clients as acts
from provider.administration.clients import PRESELECTED
from provider.clients import own, queries, secrets
from provider.clients.change import ROTATION_OVERLAP
from provider.clients.models import Client
from provider.clients.options import ClientOptions, InvalidOption, values_of
from provider.clients.register import ClientIDTaken, InvalidClientID, check_new_id
from provider.configuration import client_dangers
from provider.configuration.client_options import DEFAULTS, as_json, read_options
from provider.configuration.entries import Entry, Files, Kind
from provider.configuration.kinds import Done, Target
from provider.configuration.members import Members
from provider.configuration.problems import ConfigurationProblem, InvalidConfiguration
from provider.configuration.secret_reference import FORMS, SecretReference, UnusableReference, resolve
from provider.infrastructure.database import db
from provider.infrastructure.owned_objects import CHUNK
from provider.protocol.client_metadata import FIELDS, ClientMetadata, InvalidClientMetadata, Problem
from provider.protocol.client_metadata_texts import read_translations
from provider.protocol.client_registration import read_registration
from provider.protocol.redirect_uri_rules import name_the_field, unwise_uris

_MEMBERS = ("metadata", "options", "enabled", "secret", "accept_unwise_redirect_uris")
_METHOD = "token_endpoint_auth_method"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedClient:
    """A client as an entry describes it."""

    metadata: ClientMetadata
    options: ClientOptions
    enabled: bool
    any_secret_method: bool
    secret: SecretReference | None

    def state(self) -> dict[str, Any]:
        """Return the same state as `ClientObjects.state_of` returns for a row."""
        return (
            self.metadata.to_wire()
            | as_json(asdict(self.options))
            | {"enabled": self.enabled, "any_secret_method": self.any_secret_method}
        )


class ClientObjects:
    """Finds, reads and changes clients; keys are their ids."""

    kind: ClassVar[Kind] = Kind.CLIENT
    usual: ClassVar[Mapping[str, Any]] = (
        ClientMetadata().to_wire() | PRESELECTED | as_json(asdict(DEFAULTS)) | {"enabled": True}
    )

    def find(self, keys: Collection[str], *, lock: bool) -> dict[str, Client]:
        """Return the clients that have not been removed."""
        return queries.find_many(keys, lock=lock)

    def find_owned(self, object_ids: Collection[UUID], *, lock: bool) -> dict[str, Client]:
        """Return the clients with these row ids that have not been removed, by their client ids."""
        listed = list(object_ids)
        names: list[str] = []
        for start in range(0, len(listed), CHUNK):
            some = select(Client.client_id).where(Client.id.in_(listed[start : start + CHUNK]))
            names += db.session.scalars(some).all()
        return queries.find_many(names, lock=lock)

    def state_of(self, row: Client) -> dict[str, Any]:
        """Return metadata, options and the rest in one mapping; their names do not collide."""
        return (
            row.metadata_.to_wire()
            | as_json(values_of(row))
            | {"enabled": row.disabled_at is None, "any_secret_method": row.any_secret_method}
        )

    def read(self, entry: Entry, row: Client | None, files: Files) -> Target:  # noqa: ARG002 – the interface.
        """Return the state that an entry declares for a client."""
        wanted = read_client(entry, row)
        replaced = _is_replaced(row, wanted)
        had = row is not None and row.secret_digest is not None
        more = (
            {"secret": ("set" if had else None, wanted.secret.written)} if replaced and wanted.secret else {}
        )
        return Target(
            state=wanted.state(),
            act=lambda: _carry_out(entry.key, row, wanted, replaced=replaced),
            more=more,
            hidden=(wanted.secret.secret or "") if replaced and wanted.secret else "",
        )

    def check_reachable(self, entry: Entry, row: Client | None) -> None:
        """Check the URLs that the provider calls."""
        wanted = read_client(entry, row)
        try:
            acts.check_reachable(wanted.metadata, wanted.options)
        except InvalidClientMetadata as exc:
            raise InvalidConfiguration(_problems_of(entry, exc)) from exc

    def dangers(self, row: Client, target: Target) -> list[str]:
        """Return what a change takes from people and from the app."""
        return client_dangers.of_change(row, self.state_of(row), target.state, target.more)

    def dangers_of_removal(self, row: Client) -> list[str]:
        """Return what ends with the client."""
        return client_dangers.of_removal(row)

    def remove(self, row: Client) -> None:
        """Remove a client and revoke everything issued to it."""
        acts.remove(row)


def read_client(entry: Entry, row: Client | None) -> WantedClient:
    """Read a client's entry. Raises InvalidConfiguration with every problem."""
    members = Members(entry, known=_MEMBERS)
    problems = members.problems
    problems += _problems_of_key(entry, row)
    enabled = members.flag("enabled", default=True)
    accept = members.flag("accept_unwise_redirect_uris", default=False)
    named = Members(entry, "metadata", known=None)
    metadata = None
    try:
        metadata = _read_metadata(named.plain(), row, accept=accept)
    except InvalidClientMetadata as exc:
        problems += _problems_of(entry, exc)
    options, more = read_options(entry)
    problems += named.problems + more
    if metadata and options:
        problems += _problems_together(entry, metadata, options)
    secret = _read_secret(entry, members, row, metadata)
    if problems or metadata is None or options is None:
        raise InvalidConfiguration(problems)
    return WantedClient(
        metadata=metadata,
        options=options,
        enabled=enabled,
        any_secret_method=metadata.has_secret and not named.has(_METHOD),
        secret=secret,
    )


def _problems_of_key(entry: Entry, row: Client | None) -> list[ConfigurationProblem]:
    try:
        if entry.key.lower() in own.RESERVED_IDS:
            return [entry.problem("is a part of the provider and is no object of a configuration")]
        if row is None:
            check_new_id(entry.key)
        elif row.self_registered:
            return [entry.problem("registered itself, and so changes itself")]
    except InvalidClientID as exc:
        return [entry.problem(f"cannot have this key: {exc}")]
    except ClientIDTaken:
        return [
            entry.problem(
                "cannot be added: a client has, or before its removal had, this id, perhaps in other case"
            )
        ]
    return []


def _read_metadata(named: dict[str, Any], row: Client | None, *, accept: bool) -> ClientMetadata:
    """Read the registered metadata; unlike in the protocol, unknown names are refused."""
    given = {name: value for name, value in named.items() if value is not None}
    unknown = sorted(given.keys() - set(FIELDS) - read_translations(given)[0].keys())
    problems = [Problem(name, "is not known") for name in unknown]
    accepted = unwise_uris(row.metadata_) if row else {}
    try:
        metadata = read_registration(
            PRESELECTED | given,
            may_be_unwise=lambda uri: accept or uri in accepted,
            registered=row.metadata_ if row else None,
        )
    except InvalidClientMetadata as exc:
        mentioned = {problem.field for problem in exc.problems}
        problems = [one for one in problems if one.field not in mentioned] + exc.problems
    if problems:
        raise InvalidClientMetadata(problems)
    return metadata


def _problems_of(entry: Entry, exc: InvalidClientMetadata) -> list[ConfigurationProblem]:
    found = []
    for problem in exc.problems:
        sentence = name_the_field(problem.sentence)
        section = "options" if problem.field == "deliver_to" else "metadata"
        present = entry.node.line_of(section, problem.field) != entry.node.line_of(section)
        path = (section, problem.field) if present else (section,)
        found.append(entry.problem(sentence, *path, name=None if present else problem.field))
    return found


def _problems_together(
    entry: Entry, metadata: ClientMetadata, options: ClientOptions
) -> list[ConfigurationProblem]:
    try:
        options.check_with(metadata)
    except InvalidOption as exc:
        return [entry.problem(f"contradict each other: {exc}", "options")]
    return []


def _read_secret(
    entry: Entry, members: Members, row: Client | None, metadata: ClientMetadata | None
) -> SecretReference | None:
    written = members.text("secret")
    if metadata is None:
        return None
    if not metadata.has_secret:
        if written:
            members.refuse(
                "secret", f"has no use: the client authenticates by {metadata.token_endpoint_auth_method}"
            )
        return None
    if written is None:
        if row is None or row.secret_digest is None:
            members.refuse("secret", f"is needed, because the client has none: {FORMS}")
        return None
    try:
        return resolve(written, Path(entry.file).parent)
    except UnusableReference as exc:
        members.refuse("secret", str(exc))
        return None


def _is_replaced(row: Client | None, wanted: WantedClient) -> bool:
    """Return whether the client gets another secret; a generated one stays if there is one already."""
    if wanted.secret is None:
        return False
    if row is None or row.secret_digest is None:
        return True
    return wanted.secret.secret is not None and not secrets.is_current(row, wanted.secret.secret)


def _carry_out(client_id: str, row: Client | None, wanted: WantedClient, *, replaced: bool) -> Done:
    given = wanted.secret.secret if wanted.secret and replaced else None
    if row is None:
        made = acts.register(
            wanted.metadata,
            wanted.options,
            client_id=client_id,
            client_secret=given,
            any_secret_method=wanted.any_secret_method,
        )
        if not wanted.enabled:
            acts.update(
                made.client, wanted.metadata, enabled=False, any_secret_method=wanted.any_secret_method
            )
        return Done(object_id=made.client.id, secret=None if given else made.secret)
    had_secret = row.secret_digest is not None
    generated = _update(row, wanted)
    if given is not None:
        # A secret generated by the update just above must not stay valid next to the given one.
        overlap = ROTATION_OVERLAP if had_secret else timedelta(0)
        client_credentials.rotate_secret(row, secret=given, overlap=overlap)
    return Done(object_id=row.id, secret=None if given else generated)


def _update(row: Client, wanted: WantedClient) -> str | None:
    objects = ClientObjects()
    if objects.state_of(row) == wanted.state():
        return None
    enabled = wanted.enabled if wanted.enabled != (row.disabled_at is None) else None
    return acts.update(
        row, wanted.metadata, wanted.options, enabled=enabled, any_secret_method=wanted.any_secret_method
    )
