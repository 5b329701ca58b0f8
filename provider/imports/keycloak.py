"""Keycloak: the files that `kc.sh export` writes, a realm with its users inside or in files beside it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from provider.imports.files import UnreadableExport, decode, read_bytes
from provider.imports.foreign import ForeignClient, ForeignPerson
from provider.imports.keycloak_clients import read_client
from provider.imports.keycloak_users import read_user
from provider.imports.report import Report

# What a realm has beside clients and users, by the words for it.
_LEFT_BEHIND = {
    "identityProviders": "identity providers",
    "groups": "groups",
    "clientScopes": "client scopes with their mappers",
    "authenticationFlows": "authentication flows",
    "organizations": "organizations",
    "smtpServer": "mail settings",
}


class Realm(msgspec.Struct):
    """The members of a realm that matter here; users stay undecoded until their batch is read."""

    realm: str
    clients: list[dict[str, Any]] = []
    users: list[msgspec.Raw] = []
    federatedUsers: list[msgspec.Raw] = []  # noqa: N815 – Keycloak's name.


class Keycloak:
    """The export of one realm."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [(path, read_bytes(path)) for path in paths]
        self._realms = [decode(data, Realm, path) for path, data in self._files]
        names = {realm.realm for realm in self._realms}
        if len(names) > 1:
            raise UnreadableExport(f"the files are of several realms, {', '.join(sorted(names))}; import one")

    def clients(self, report: Report) -> Iterator[ForeignClient]:
        """Yield the clients, and report what else the realm has."""
        for (path, data), realm in zip(self._files, self._realms, strict=True):
            for name, value in decode(data, dict[str, msgspec.Raw], path).items():
                if name in _LEFT_BEHIND and bytes(value).strip() not in (b"[]", b"{}", b"null"):
                    report.note_loss(f"realm {realm.realm}", _LEFT_BEHIND[name])
            for written in realm.clients:
                client = read_client(written, report)
                if client is not None:
                    yield client

    def people(self, report: Report) -> Iterator[ForeignPerson]:
        """Yield the users."""
        if not any(realm.users for realm in self._realms):
            report.note_loss(
                f"realm {self._realms[0].realm}" if self._realms else "realm",
                "no users: they are in realm-users-N.json beside this file, or the export was made without "
                "them (kc.sh export --users realm_file has them)",
            )
        for (path, _), realm in zip(self._files, self._realms, strict=True):
            for raw in realm.users:
                person = read_user(decode(raw, dict[str, Any], path), report)
                if person is not None:
                    yield person
            for _ in realm.federatedUsers:
                report.count("person", "not taken")
                report.note_loss(
                    f"realm {realm.realm}", "federated users: their data is in another directory"
                )
