"""Keycloak: the files written by `kc.sh export`, a realm with its users inside or in separate files."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from provider.imports.files import UnreadableExport, decode, member, read_bytes
from provider.imports.foreign import ForeignClient, ForeignPerson
from provider.imports.keycloak_clients import read_client
from provider.imports.keycloak_users import read_user
from provider.imports.report import Report

# Members of a realm other than clients and users, with the words for them in the report.
_LEFT_BEHIND = {
    "identityProviders": "identity providers",
    "groups": "groups",
    "organizations": "organizations",
    "smtpServer": "mail settings",
    "localizationTexts": "translations of its own",
}
# What every realm has from the start.
_USUAL_SCOPES = frozenset(
    {
        *("acr", "address", "AuthnContextClassRef", "basic", "email", "microprofile-jwt", "offline_access"),
        *("organization", "phone", "profile", "role_list", "roles", "saml_organization", "service_account"),
        "web-origins",
    }
)
_USUAL_ROLES = frozenset({"offline_access", "uma_authorization"})
_READ = (
    *("authenticationFlows", "clientScopes", "roles", "components"),
    *("loginWithEmailAllowed", "registrationEmailAsUsername"),
)
_USER_STORAGE = "org.keycloak.storage.UserStorageProvider"


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
        """Yield the clients, and report the other contents of the realm."""
        for (path, data), realm in zip(self._files, self._realms, strict=True):
            members = decode(data, dict[str, msgspec.Raw], path)
            if "clients" in members:
                _report_realm(f"realm {realm.realm}", members, path, report)
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
                "them (kc.sh export --users same_file has them)",
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


def _report_realm(name: str, members: dict[str, msgspec.Raw], path: Path, report: Report) -> None:
    """Report the contents of a realm other than clients and users, without what every realm has."""
    read = {
        member_: decode(members[member_], object, path)
        for member_ in (*_LEFT_BEHIND, *_READ)
        if member_ in members
    }
    for member_, words in _LEFT_BEHIND.items():
        if read.get(member_):
            report.note_loss(name, words)
    for flow in _names(read.get("authenticationFlows"), "alias", lambda one: one.get("builtIn") is not True):
        report.note_loss(name, f"the authentication flow {flow}")
    for scope in _names(read.get("clientScopes"), "name", lambda one: one.get("name") not in _USUAL_SCOPES):
        report.note_loss(name, f"the client scope {scope} with its mappers")
    if _names(member(read.get("roles"), "realm"), "name", _is_own_role):
        report.note_loss(name, "roles of the realm")
    if member(read.get("components"), _USER_STORAGE):
        report.note_loss(name, "user federation: people whose passwords are in another directory")
    if read.get("loginWithEmailAllowed") and not read.get("registrationEmailAsUsername"):
        report.note_change(name, "people sign in with their user name, not with their e-mail address")
    report.note_loss(
        name, "settings of the realm, such as lifetimes and the password policy; see curfew settings"
    )


def _is_own_role(role: dict[str, Any]) -> bool:
    name = str(role.get("name"))
    return name not in _USUAL_ROLES and not name.startswith("default-roles-")


def _names(listed: object, key: str, is_own: Callable[[dict[str, Any]], bool]) -> list[str]:
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [str(one.get(key))[:100] for one in found if is_own(one)]
