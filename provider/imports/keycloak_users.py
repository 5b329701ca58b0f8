"""Users of Keycloak: their id stays the `sub`, and their password hash is kept."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from provider.accounts.claims import BOOLEAN_CLAIMS, RULES
from provider.accounts.foreign_hashes import Pbkdf2
from provider.imports.files import member
from provider.imports.foreign import NO_PASSWORD, ForeignPerson
from provider.imports.report import Report

_PBKDF2 = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
_TYPES = {"id": "argon2id", "i": "argon2i", "d": "argon2d"}
_LOST_CREDENTIALS = {
    "otp": "a one-time password device",
    "webauthn": "a security key",
    "webauthn-passwordless": "a passkey",
    "recovery-authn-codes": "recovery codes",
}
_LOST = {
    "federatedIdentities": "links to identity providers",
    "groups": "groups",
    "clientRoles": "roles",
    "requiredActions": "required actions",
}
# Every user has this role, which means nothing here.
_DEFAULT_ROLE = "default-roles-"


def read_user(written: dict[str, Any], report: Report) -> ForeignPerson | None:
    """Return a user in the terms of this provider; None for the account of a service."""
    if written.get("serviceAccountClientId"):
        return None
    username, sub = written.get("username"), written.get("id")
    if not isinstance(username, str):
        report.count("person", "not taken")
        report.note_loss("a user", "the person: there is no user name")
        return None
    _report_losses(username, written, report)
    return ForeignPerson(
        username=username,
        sub=sub if isinstance(sub, str) else None,
        claims=_claims(username, written, report),
        password_hash=_password_hash(username, written, report),
        enabled=written.get("enabled") is not False,
        created_at=_instant(written.get("createdTimestamp")),
    )


def _claims(username: str, written: dict[str, Any], report: Report) -> dict[str, Any]:
    first, last = written.get("firstName"), written.get("lastName")
    found: dict[str, Any] = {
        "given_name": first,
        "family_name": last,
        "name": " ".join(part for part in (first, last) if isinstance(part, str) and part),
    }
    if written.get("email"):
        found |= {"email": written["email"], "email_verified": written.get("emailVerified") is True}
    attributes = written.get("attributes")
    for name, values in attributes.items() if isinstance(attributes, dict) else ():
        value = values[0] if isinstance(values, list) and len(values) == 1 else None
        if name not in RULES or name in found or not isinstance(value, str):
            report.note_loss(username, f"the attribute {str(name)[:100]}")
        else:
            found[name] = value.lower() == "true" if name in BOOLEAN_CLAIMS else value
    return {name: value for name, value in found.items() if value not in (None, "")}


def _password_hash(username: str, written: dict[str, Any], report: Report) -> str | None:
    for credential in written.get("credentials") or ():
        if member(credential, "type") == "password":
            found = _hash_of(credential)
            if found is None:
                report.note_loss(
                    username, "the password, which has to be reset: its hash is of an unknown form"
                )
            return found
    report.note_loss(
        username,
        "the password, which is in another directory" if written.get("federationLink") else NO_PASSWORD,
    )
    return None


def _hash_of(credential: dict[str, Any]) -> str | None:
    """Return a password's hash. `secretData` and `credentialData` are JSON inside JSON."""
    secret, about = _inner(credential, "secretData"), _inner(credential, "credentialData")
    algorithm, value = about.get("algorithm"), secret.get("value")
    if not isinstance(value, str):
        return None
    if value.startswith("$2"):
        # The bcrypt extensions store its usual form as the value.
        return value
    try:
        salt, hash_ = _bytes_of(secret.get("salt")), _bytes_of(value)
        iterations = int(about.get("hashIterations") or 0)
        if algorithm in _PBKDF2:
            return str(Pbkdf2(_PBKDF2[algorithm], iterations, salt, hash_))
        return (
            _argon2(about.get("additionalParameters"), iterations, salt, hash_)
            if algorithm == "argon2"
            else None
        )
    except (ValueError, TypeError):
        return None


def _argon2(parameters: Any, passes: int, salt: bytes, hash_: bytes) -> str | None:
    """Return an Argon2 hash in PHC form; Keycloak stores its parameters as lists of texts."""
    given = {name: values[0] for name, values in parameters.items() if values}
    type_ = _TYPES.get(given.get("type", ""))
    if type_ is None or given.get("version", "1.3") != "1.3":
        return None
    memory, lanes = int(given["memory"]), int(given["parallelism"])
    written = [base64.b64encode(one).decode().rstrip("=") for one in (salt, hash_)]
    return f"${type_}$v=19$m={memory},t={passes},p={lanes}${written[0]}${written[1]}"


def _inner(credential: dict[str, Any], name: str) -> dict[str, Any]:
    text = credential.get(name)
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _bytes_of(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc


def _instant(milliseconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _report_losses(username: str, written: dict[str, Any], report: Report) -> None:
    for name, words in _LOST.items():
        if written.get(name):
            report.note_loss(username, words)
    roles = [role for role in written.get("realmRoles") or () if not str(role).startswith(_DEFAULT_ROLE)]
    if roles and not written.get("clientRoles"):
        report.note_loss(username, "roles")
    for credential in written.get("credentials") or ():
        if (kind := member(credential, "type")) in _LOST_CREDENTIALS:
            report.note_loss(username, _LOST_CREDENTIALS[kind])
