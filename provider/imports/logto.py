"""Logto: applications and users as its Management API lists them, or as rows of its database."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provider.accounts.foreign_hashes import Pbkdf2
from provider.imports.files import UnreadableExport, decode, member, objects_of
from provider.imports.foreign import NO_PASSWORD, ForeignClient, ForeignPerson
from provider.imports.report import Report
from provider.infrastructure import clock

_KINDS = {
    "Traditional": "web",
    "SPA": "web",
    "Native": "native",
    "MachineToMachine": "web",
}
_PUBLIC = ("SPA", "Native")
_PROFILE = {
    "givenName": "given_name",
    "familyName": "family_name",
    "middleName": "middle_name",
    "nickname": "nickname",
    "profile": "profile",
    "website": "website",
    "gender": "gender",
    "birthdate": "birthdate",
    "zoneinfo": "zoneinfo",
    "locale": "locale",
}
_LOST = {
    "identities": "links to identity providers",
    "ssoIdentities": "links to identity providers",
    "customData": "custom data",
    "mfaVerifications": "second factors",
}
# Quick to guess, because they have no salt or no cost.
_QUICK = ("MD5", "SHA1", "SHA256")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


class Logto:
    """The files of one tenant: JSON arrays, or one object per line."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)

    def clients(self, report: Report) -> Iterator[ForeignClient]:
        """Yield the applications, with the secrets that newer releases keep in separate rows."""
        secrets = self._secrets(report)
        for one in self._objects():
            if _is_application(one):
                client = _read_application(one, secrets.get(str(one.get("id"))), report)
                if client is not None:
                    yield client

    def people(self, report: Report) -> Iterator[ForeignPerson]:
        """Yield the users."""
        for one in self._objects():
            if _is_user(one):
                person = _read_user(one, report)
                if person is not None:
                    yield person

    def _secrets(self, report: Report) -> dict[str, str]:
        """Return the newest secret of each application that has not expired."""
        found: dict[str, tuple[datetime, str]] = {}
        for one in self._objects():
            if not _is_secret(one) or _has_expired(one):
                continue
            application, made = str(one["applicationId"]), _instant(one.get("createdAt")) or _LONG_AGO
            if application in found:
                report.note_loss(f"client {application}", "all secrets but the newest")
            found[application] = max(found.get(application, (made, one["value"])), (made, one["value"]))
        return {application: secret for application, (_, secret) in found.items()}

    def _objects(self) -> Iterator[dict[str, Any]]:
        for path in self._paths:
            for number, raw in enumerate(objects_of(path), 1):
                found = {_camel(name): value for name, value in decode(raw, dict[str, Any], path).items()}
                if not (_is_application(found) or _is_user(found) or _is_secret(found)):
                    raise UnreadableExport(
                        f"{path}: object {number} is no application, secret of one or user of Logto"
                    )
                yield found


def _camel(name: str) -> str:
    """Return the API's name for a column."""
    first, *others = name.split("_")
    return first + "".join(part.title() for part in others)


def _is_application(written: dict[str, Any]) -> bool:
    return "oidcClientMetadata" in written


def _is_user(written: dict[str, Any]) -> bool:
    return any(name in written for name in ("username", "primaryEmail", "primaryPhone"))


def _is_secret(written: dict[str, Any]) -> bool:
    return "applicationId" in written and isinstance(written.get("value"), str)


def _has_expired(secret: dict[str, Any]) -> bool:
    expires_at = _instant(secret.get("expiresAt"))
    return expires_at is not None and expires_at <= clock.now()


def _read_application(
    written: dict[str, Any], kept_apart: str | None, report: Report
) -> ForeignClient | None:
    client_id, kind = written.get("id"), written.get("type")
    if not isinstance(client_id, str):
        return None
    name = f"client {client_id}"
    if kind not in _KINDS:
        report.count("client", "not taken")
        report.note_loss(name, f"the client: it is of the type {str(kind)[:40]}")
        return None
    if member(written, "customClientMetadata", "corsAllowedOrigins"):
        report.note_change(name, "has the web origins of its redirect URIs")
    if member(written, "customClientMetadata", "idTokenTtl") or member(
        written, "customClientMetadata", "refreshTokenTtlInDays"
    ):
        report.note_loss(name, "the lifetimes of its tokens")
    if member(written, "customClientMetadata", "allowTokenExchange"):
        report.note_loss(name, "token exchange; see --may-exchange-tokens-of")
    secret = kept_apart or written.get("secret")
    return ForeignClient(
        client_id=client_id,
        metadata=_metadata(written, str(kind)),
        # Newer releases keep secrets separately, and mark the one left in the application.
        secret=secret if isinstance(secret, str) and not secret.startswith("internal:") else None,
        options={"first_party": written.get("isThirdParty") is not True},
    )


def _metadata(written: dict[str, Any], kind: str) -> dict[str, Any]:
    registered = written["oidcClientMetadata"]
    is_service = kind == "MachineToMachine"
    backchannel = member(registered, "backchannelLogoutUri") or None
    found = {
        "client_name": written.get("name"),
        "logo_uri": member(registered, "logoUri") or None,
        "redirect_uris": [] if is_service else list(member(registered, "redirectUris") or ()),
        "post_logout_redirect_uris": list(member(registered, "postLogoutRedirectUris") or ()),
        "backchannel_logout_uri": backchannel,
        "backchannel_logout_session_required": bool(backchannel)
        and member(registered, "backchannelLogoutSessionRequired") is True,
        "application_type": _KINDS[kind],
        "grant_types": ["client_credentials"] if is_service else ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none" if kind in _PUBLIC else "client_secret_basic",
    }
    return {key: value for key, value in found.items() if value is not None}


def _read_user(written: dict[str, Any], report: Report) -> ForeignPerson | None:
    email, phone = written.get("primaryEmail"), written.get("primaryPhone")
    name = written.get("username") or email or phone
    if not isinstance(name, str):
        report.count("person", "not taken")
        report.note_loss(
            str(written.get("id"))[:100], "the person: there is no user name, e-mail address or number"
        )
        return None
    for key, words in _LOST.items():
        if written.get(key):
            report.note_loss(name, words)
    sub = written.get("id")
    return ForeignPerson(
        username=name,
        sub=sub if isinstance(sub, str) else None,
        claims=_claims(written, email, phone),
        password_hash=_password_hash(name, written, report),
        enabled=written.get("isSuspended") is not True,
        created_at=_instant(written.get("createdAt")),
    )


def _claims(written: dict[str, Any], email: Any, phone: Any) -> dict[str, Any]:
    profile = written.get("profile")
    found = {ours: member(profile, theirs) for theirs, ours in _PROFILE.items()}
    found |= {"name": written.get("name"), "picture": written.get("avatar")}
    if email:
        # Logto stores an address only after it was confirmed.
        found |= {"email": email, "email_verified": True}
    if phone:
        found |= {
            "phone_number": f"+{phone}" if str(phone).isdigit() else phone,
            "phone_number_verified": True,
        }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _password_hash(name: str, written: dict[str, Any], report: Report) -> str | None:
    """Return the hash from a database row, or from a file in the format of Logto's own import."""
    digest = written.get("passwordEncrypted") or written.get("passwordDigest")
    method = written.get("passwordEncryptionMethod") or written.get("passwordAlgorithm")
    if not isinstance(digest, str):
        has_one = written.get("hasPassword")
        why = "the password, which has to be reset: the API lists no hashes" if has_one else NO_PASSWORD
        report.note_loss(name, why)
        return None
    if method in _QUICK:
        report.note_loss(name, f"the password, which has to be reset: {method} is quick to guess")
        return None
    found = _legacy_hash(digest) if method == "Legacy" else digest
    if found is None:
        report.note_loss(name, "the password, which has to be reset: its hash is of an unknown form")
    return found


def _legacy_hash(digest: str) -> str | None:
    """Return a PBKDF2 hash, given `["pbkdf2", [salt, iterations, length, digest, "@"], hash]`."""
    try:
        algorithm, (salt, iterations, _length, name, given), expected = json.loads(digest)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (salt, iterations, name, expected)
    if algorithm != "pbkdf2" or given != "@" or not all(isinstance(one, str) for one in texts):
        return None
    if not iterations.isdecimal() or not _HEX.fullmatch(expected):
        return None
    return str(Pbkdf2(name, int(iterations[:10]), salt.encode(), bytes.fromhex(expected)))


def _instant(value: Any) -> datetime | None:
    """Return an instant: the API has milliseconds, the database ISO 8601."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else None
        return datetime.fromtimestamp(value / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
