"""Auth0: clients as the Management API lists them, and users from its exports or from an import file."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from provider.accounts.claims import RULES
from provider.accounts.foreign_hashes import Pbkdf2
from provider.imports.files import UnreadableExport, decode, member, objects_of
from provider.imports.foreign import NO_PASSWORD, ForeignClient, ForeignPerson
from provider.imports.report import Report
from provider.protocol.grant_types import DEVICE_CODE

# Auth0's own client.
_GLOBAL = "All Applications"
_GRANTS = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE)
_APP_TYPES = {"native": "native"}
_METHODS = ("none", "client_secret_post", "client_secret_basic")
# Authentication methods whose keys are missing from an export.
_KEY_METHODS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
_PAGES = ("clients", "users")
_DATABASE = "auth0"
_CLAIMS = ("name", "given_name", "family_name", "nickname", "picture", "phone_number")
_LOST_OF_CLIENTS = {
    "addons": "add-ons",
    "client_metadata": "its own metadata",
    "mobile": "settings of its mobile platforms",
    "native_social_login": "native social sign-in",
    "organization_usage": "organizations",
}
_LOST_OF_USERS = {
    "app_metadata": "app_metadata",
    "user_metadata": "user_metadata",
    "multifactor": "second factors",
    "mfa_factors": "second factors",
}
_PHC = re.compile(r"\$pbkdf2-(sha1|sha256|sha512)\$i=([0-9]+)(?:,l=[0-9]+)?\$([^$]+)\$([^$]+)")


class Auth0:
    """The files of one tenant: JSON arrays, or one object per line."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)

    def clients(self, report: Report) -> Iterator[ForeignClient]:
        """Yield the applications."""
        for one in self._objects():
            if "client_id" in one and not _is_user(one):
                client = _read_client(one, report)
                if client is not None:
                    yield client

    def people(self, report: Report) -> Iterator[ForeignPerson]:
        """Yield the users; profiles and hashes are in separate files and are joined by the id."""
        hashes = {_key(one): one["passwordHash"] for one in self._objects() if "passwordHash" in one}
        seen: set[str] = set()
        for with_hashes in (False, True):
            for one in self._objects():
                if not _is_user(one) or ("passwordHash" in one) is not with_hashes or _key(one) in seen:
                    continue
                person = _read_user(one, hashes.get(_key(one)), report)
                if person is not None:
                    seen.add(_key(one))
                    yield person

    def _objects(self) -> Iterator[dict[str, Any]]:
        for path in self._paths:
            for number, found in enumerate(self._entries(path), 1):
                if not _is_user(found) and "client_id" not in found:
                    raise UnreadableExport(f"{path}: object {number} is neither a client nor a user of Auth0")
                yield found

    def _entries(self, path: Path) -> Iterator[dict[str, Any]]:
        """Yield the objects of a file, or those in pages of an API response with totals."""
        for raw in objects_of(path):
            found = decode(raw, dict[str, Any], path)
            page = next((found[name] for name in _PAGES if isinstance(found.get(name), list)), None)
            yield from [found] if page is None else (one for one in page if isinstance(one, dict))


def _is_user(written: dict[str, Any]) -> bool:
    return any(name in written for name in ("user_id", "email", "_id", "_ID", "username", "phone_number"))


def _read_client(written: dict[str, Any], report: Report) -> ForeignClient | None:
    client_id = written["client_id"]
    if written.get("global") or written.get("name") == _GLOBAL or not isinstance(client_id, str):
        return None
    name = f"client {client_id}"
    for key, words in _LOST_OF_CLIENTS.items():
        if written.get(key):
            report.note_loss(name, words)
    asked = [str(one) for one in written.get("grant_types") or ()]
    if not written.get("callbacks") and "authorization_code" in asked and "client_credentials" in asked:
        # Auth0 gives every new app all of these grant types, even a service.
        asked = [one for one in asked if one not in ("authorization_code", "refresh_token", "implicit")]
        report.note_change(name, "signs no one in: it has no callbacks")
    for grant in asked:
        if grant not in _GRANTS:
            report.note_loss(name, f"the grant type {grant[:100]}")
    secret = written.get("client_secret")
    return ForeignClient(
        client_id=client_id,
        metadata=_metadata(name, written, [one for one in _GRANTS if one in asked], report),
        secret=secret if isinstance(secret, str) else None,
        options={"first_party": written.get("is_first_party") is not False},
    )


def _metadata(name: str, written: dict[str, Any], grants: list[str], report: Report) -> dict[str, Any]:
    method = written.get("token_endpoint_auth_method") or _method_by_type(written)
    if any(member(written, "client_authentication_methods", one) for one in _KEY_METHODS):
        report.note_change(name, "authenticates by a key that the export does not have: register it by hand")
    elif method not in _METHODS:
        report.note_change(name, "sends a secret: its way to authenticate has to be registered by hand")
        method = "client_secret_basic"
    logout = member(written, "oidc_logout", "backchannel_logout_urls") or member(
        written, "oidc_backchannel_logout", "backchannel_logout_urls"
    )
    logout = logout if isinstance(logout, list) else []
    if len(logout) > 1:
        report.note_loss(name, "more than one address for Logout Tokens")
    found = {
        "client_name": written.get("name"),
        "logo_uri": written.get("logo_uri") or None,
        "redirect_uris": list(written.get("callbacks") or ()) if "authorization_code" in grants else [],
        "post_logout_redirect_uris": list(written.get("allowed_logout_urls") or ()),
        "initiate_login_uri": written.get("initiate_login_uri") or None,
        "application_type": _APP_TYPES.get(str(written.get("app_type")), "web"),
        "grant_types": grants or None,
        "token_endpoint_auth_method": method,
        "backchannel_logout_uri": logout[0] if logout else None,
        "require_pushed_authorization_requests": written.get("require_pushed_authorization_requests") is True,
        "id_token_signed_response_alg": _signature(name, written, report),
    }
    return {key: value for key, value in found.items() if value is not None}


def _method_by_type(written: dict[str, Any]) -> str:
    return "none" if written.get("app_type") in ("spa", "native") else "client_secret_post"


def _signature(name: str, written: dict[str, Any], report: Report) -> str | None:
    alg = member(written, "jwt_configuration", "alg")
    if alg == "HS256":
        report.note_change(
            name, "gets ID Tokens with RS256: HS256 would need its secret, of which only a digest is kept"
        )
        return None
    return alg if isinstance(alg, str) else None


def _read_user(written: dict[str, Any], hash_: Any, report: Report) -> ForeignPerson | None:
    written = _with_email(written)
    email, username = written.get("email"), written.get("username")
    name = username or email or written.get("phone_number")
    if not isinstance(name, str):
        report.count("person", "not taken")
        report.note_loss(
            str(written.get("user_id"))[:100], "the person: there is no user name, e-mail address or number"
        )
        return None
    for key, words in _LOST_OF_USERS.items():
        if written.get(key):
            report.note_loss(name, words)
    identities = [one for one in written.get("identities") or () if member(one, "provider") != _DATABASE]
    if identities:
        report.note_loss(name, "identities of other providers")
    return ForeignPerson(
        username=name,
        sub=_sub(written),
        claims=_claims(written),
        password_hash=hash_ if isinstance(hash_, str) else _password_hash(name, written, report),
        enabled=written.get("blocked") is not True,
        created_at=_instant(written.get("created_at")),
    )


def _with_email(written: dict[str, Any]) -> dict[str, Any]:
    """Return a user with the e-mail address, which newer exports of hashes list only as an identifier."""
    if written.get("email"):
        return written
    for one in written.get("identifiers") or ():
        if member(one, "type") == "email":
            return written | {"email": one.get("value"), "email_verified": one.get("verified") is True}
    return written


def _key(written: dict[str, Any]) -> str:
    """Return the key that joins profile and hash: the id or, in a file without ids, the name."""
    names = (_with_email(written).get("email"), written.get("username"), written.get("phone_number"))
    return _sub(written) or next((f" {one}".casefold() for one in names if isinstance(one, str)), "")


def _sub(written: dict[str, Any]) -> str | None:
    """Return the `sub` as Auth0 makes it: the id, prefixed with the kind of its connection."""
    # `alt_id` is the id that the operator chose for a user.
    user_id = (
        written.get("user_id")
        or written.get("alt_id")
        or member(written, "_id", "$oid")
        or member(written, "_ID", "$oid")
    )
    if not isinstance(user_id, str):
        return None
    return user_id if "|" in user_id else f"{_DATABASE}|{user_id}"


def _claims(written: dict[str, Any]) -> dict[str, Any]:
    found = {name: written[name] for name in _CLAIMS if written.get(name) and name in RULES}
    if written.get("email"):
        found |= {"email": written["email"], "email_verified": written.get("email_verified") is True}
    if written.get("phone_number"):
        found["phone_number_verified"] = written.get("phone_verified") is True
    return found


def _password_hash(name: str, written: dict[str, Any], report: Report) -> str | None:
    plain = written.get("password_hash")
    if isinstance(plain, str):
        return plain
    custom = written.get("custom_password_hash")
    if custom is None:
        report.note_loss(name, NO_PASSWORD)
        return None
    found = _custom_hash(custom)
    if found is None:
        report.note_loss(name, "the password, which has to be reset: its hash is of an unknown form")
    return found


def _custom_hash(custom: Any) -> str | None:
    """Return a `custom_password_hash`; for these algorithms, `hash.value` holds all of it."""
    value = member(custom, "hash", "value")
    if not isinstance(value, str):
        return None
    if member(custom, "algorithm") in ("argon2", "bcrypt"):
        return value
    found = _PHC.fullmatch(value) if member(custom, "algorithm") == "pbkdf2" else None
    if found is None:
        return None
    try:
        salt, derived = (
            base64.b64decode(part + "=" * (-len(part) % 4), validate=True) for part in found.groups()[2:]
        )
        return str(Pbkdf2(found[1], int(found[2][:10]), salt, derived))
    except (binascii.Error, ValueError):
        return None


def _instant(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None
