"""A JSON Web Signature of the provider, read strictly; shared by Logout Tokens and access tokens."""

from collections.abc import Iterable, Mapping
from typing import Any

import jwt

from curfew_rp.strict_json import read_object

# Only asymmetric algorithms: with a shared secret every app could sign for the provider.
ALGORITHMS = ("RS256", "ES256", "EdDSA", "PS256")
# rfc7518 §3.3: RSA keys have at least 2048 bits. Otherwise a client could choose, as a DPoP proof carries its
# key.
_OPTIONS: jwt.types.SigOptions = {"enforce_minimum_key_length": True}


def checked_algorithms(algorithms: Iterable[str]) -> frozenset[str]:
    """Return the allow-list of algorithms; raises ValueError if one is not supported or there is none."""
    chosen = frozenset(algorithms)
    if not chosen or not chosen <= set(ALGORITHMS):
        raise ValueError(f"algorithms must be some of {', '.join(ALGORITHMS)}")
    return chosen


def read_header(token: str) -> dict[str, Any]:
    """Return the header of a token; raises ValueError if it is not that of a signed JWT."""
    # Parsed here, because PyJWT accepts repeated members, and rejects an unknown crit without a specific
    # error.
    header = read_object(jwt.utils.base64url_decode(token.split(".", maxsplit=1)[0]))
    if token.count(".") != 2 or not isinstance(header.get("kid", ""), str):
        raise ValueError("not a signed JWT")
    return header


def verified_payload(token: str, keys: Iterable[Mapping[str, Any]], alg: str) -> bytes | None:
    """Return the payload if one of the keys signed it with this algorithm, else None."""
    return next((body for jwk in keys if (body := _payload_by(token, jwk, alg)) is not None), None)


def _payload_by(token: str, jwk: Mapping[str, Any], alg: str) -> bytes | None:
    if jwk.get("alg", alg) != alg:
        return None
    try:
        key = jwt.PyJWK.from_dict(dict(jwk), algorithm=alg)
        body: bytes = jwt.PyJWS([alg], _OPTIONS).decode(token, key, algorithms=[alg])
    except (jwt.InvalidTokenError, jwt.PyJWKError, jwt.InvalidKeyError):
        # A key of another kind cannot have signed it.
        return None
    return body


def matching(keys: Iterable[object], kid: str | None) -> list[Mapping[str, Any]]:
    """Return the signing keys of a JWK Set that have this `kid`; all of them for a token without one."""
    signing = [key for key in keys if isinstance(key, Mapping) and key.get("use", "sig") == "sig"]
    return signing if kid is None else [key for key in signing if key.get("kid") == kid]


def unverified_claims(token: str, limit: int) -> dict[str, Any]:
    """Return the unverified identifiers in a token, for logs only."""
    try:
        claims = read_object(jwt.utils.base64url_decode(token[:limit].split(".")[1]))
    except (IndexError, ValueError):
        return {}
    return {name: claims[name] for name in ("iss", "sid", "sub", "jti", "iat") if name in claims}
