"""Software statements: metadata about software, signed by a trusted issuer (rfc7591 §2.3)."""

import json
from typing import Any

from joserfc.jwk import KeySet

from provider.infrastructure import clock, current
from provider.infrastructure.opaque_tokens import digest_of
from provider.protocol import numeric_date
from provider.protocol.client_metadata_rules import ASSERTION_SIGNATURES
from provider.protocol.errors import InvalidSoftwareStatement, UnapprovedSoftwareStatement
from provider.protocol.jwks_rules import usable_keys
from provider.protocol.signed_token import (
    MalformedToken,
    Unverifiable,
    UnverifiedToken,
    read_token,
    verify,
)

_LARGEST = 16 * 1024
# THR-27: a token that was signed for another purpose says nothing about software.
_TYPES = frozenset({None, "jwt", "software-statement+jwt"})
_ABOUT_THE_STATEMENT = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})


def claims_of(statement: object) -> dict[str, Any]:
    """Return the metadata that a statement asserts.

    Raises UnapprovedSoftwareStatement for an issuer that is not trusted, and InvalidSoftwareStatement.
    """
    token = _read(statement)
    keys = _issuers().get(_issuer_named_in(token))
    if keys is None:
        raise UnapprovedSoftwareStatement("the issuer of the software statement is not trusted")
    try:
        claims = verify(token, keys, algorithms=ASSERTION_SIGNATURES)
    except Unverifiable as exc:
        raise InvalidSoftwareStatement("the software statement cannot be verified") from exc
    if token.typ not in _TYPES:
        raise InvalidSoftwareStatement("the token is not a software statement")
    _check(claims)
    return {name: value for name, value in claims.items() if name not in _ABOUT_THE_STATEMENT}


def software_of(statement: str) -> str:
    """Return a key for the software that a statement, verified by `claims_of`, is about.

    It identifies the software and not only the issuer, who may sign statements for many vendors.
    """
    claims = _read(statement).claims
    software = claims.get("software_id") or claims.get("sub") or ""
    return f"statement:{digest_of(json.dumps([claims['iss'], software]))}"


def _read(statement: object) -> UnverifiedToken:
    try:
        return read_token(statement, largest=_LARGEST)
    except MalformedToken as exc:
        raise InvalidSoftwareStatement(f"the software statement is not a signed JWT: {exc}") from exc


def _issuer_named_in(token: UnverifiedToken) -> str:
    """Return who an unverified statement says it is from: it only chooses the keys."""
    # rfc7591 §2.3: it 'MUST contain an "iss" (issuer) claim'.
    issuer = token.claims.get("iss")
    if not isinstance(issuer, str):
        raise InvalidSoftwareStatement("the software statement has no issuer")
    return issuer


def _check(claims: dict[str, Any]) -> None:
    now = clock.now()
    try:
        expires, begins, issued = (numeric_date.read(claims, name) for name in ("exp", "nbf", "iat"))
    except numeric_date.MalformedDate as exc:
        raise InvalidSoftwareStatement(f"the software statement cannot be used: {exc}") from exc
    if (expires and expires <= now) or any(at and at > now for at in (begins, issued)):
        raise InvalidSoftwareStatement("the software statement is expired or not yet valid")
    audience = claims.get("aud", current.settings().issuer)
    if current.settings().issuer not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidSoftwareStatement("the software statement has a different audience")


def _issuers() -> dict[str, KeySet]:
    return current.memo("software-statement-issuers", _read_issuers)


def _read_issuers() -> dict[str, KeySet]:
    path = current.settings().software_statement_issuers
    documents = json.loads(path.read_text(encoding="utf-8")) if path else {}
    return {issuer: KeySet.import_key_set({"keys": usable_keys(keys)}) for issuer, keys in documents.items()}
