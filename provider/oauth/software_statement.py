"""Software statements: what an issuer that the operator believes says of software (rfc7591 §2.3)."""

import json
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from provider.infrastructure import clock, current
from provider.infrastructure.opaque_tokens import digest_of
from provider.protocol.client_metadata_rules import ASSERTION_SIGNATURES
from provider.protocol.errors import InvalidSoftwareStatement, UnapprovedSoftwareStatement
from provider.protocol.jwks_rules import usable_keys

_LARGEST = 16 * 1024
# THR-27: a token that was signed for another purpose says nothing about software.
_TYPES = frozenset({None, "JWT", "software-statement+jwt"})
_ABOUT_THE_STATEMENT = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})


def claims_of(statement: object) -> dict[str, Any]:
    """Return the metadata that a statement asserts.

    Raises UnapprovedSoftwareStatement where nobody believes its issuer, and InvalidSoftwareStatement.
    """
    # LIB-13: a large token costs much to parse, so its size is looked at first.
    if not isinstance(statement, str) or not 0 < len(statement) <= _LARGEST:
        raise InvalidSoftwareStatement("the software statement must be a JWT of a usual size")
    keys = _issuers().get(_issuer_named_in(statement))
    if keys is None:
        raise UnapprovedSoftwareStatement("the issuer of the software statement is not known here")
    try:
        token = jwt.decode(statement, keys, algorithms=list(ASSERTION_SIGNATURES))
    except (JoseError, ValueError, RecursionError) as exc:
        raise InvalidSoftwareStatement("the software statement cannot be verified") from exc
    if token.header.get("typ") not in _TYPES:
        raise InvalidSoftwareStatement("the token is no software statement")
    _check(token.claims)
    return {name: value for name, value in token.claims.items() if name not in _ABOUT_THE_STATEMENT}


def software_of(statement: str) -> str:
    """Return a name for the software that a statement is about, which `claims_of` has verified.

    Not for its issuer: an issuer may speak for the software of very many.
    """
    claims = json.loads(jws.extract_compact(statement.encode()).payload)
    software = claims.get("software_id") or claims.get("sub") or ""
    return f"statement:{digest_of(json.dumps([claims['iss'], software]))}"


def _issuer_named_in(statement: str) -> str:
    """Return who an unverified statement says it is from: it only chooses the keys."""
    try:
        claims = json.loads(jws.extract_compact(statement.encode()).payload)
    except (JoseError, ValueError, RecursionError) as exc:
        raise InvalidSoftwareStatement("the software statement is no signed JWT") from exc
    # rfc7591 §2.3: it 'MUST contain an "iss" (issuer) claim'.
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(issuer, str):
        raise InvalidSoftwareStatement("the software statement names no issuer")
    return issuer


def _check(claims: dict[str, Any]) -> None:
    now = clock.now().timestamp()
    instants = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if not all(isinstance(at, int | float) and not isinstance(at, bool) for at in instants.values()):
        raise InvalidSoftwareStatement("the software statement has instants that are no numbers")
    if instants.get("exp", now + 1) <= now or any(instants.get(name, now) > now for name in ("nbf", "iat")):
        raise InvalidSoftwareStatement("the software statement is not valid now")
    audience = claims.get("aud", current.settings().issuer)
    if current.settings().issuer not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidSoftwareStatement("the software statement is meant for somebody else")


def _issuers() -> dict[str, KeySet]:
    return current.memo("software-statement-issuers", _read_issuers)


def _read_issuers() -> dict[str, KeySet]:
    path = current.settings().software_statement_issuers
    documents = json.loads(path.read_text(encoding="utf-8")) if path else {}
    return {issuer: KeySet.import_key_set({"keys": usable_keys(keys)}) for issuer, keys in documents.items()}
