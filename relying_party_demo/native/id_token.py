"""The ID Token of a sign-in: validated once and never stored (core §3.1.3.7)."""

import time
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from curfew_rp.provider_keys import Document, ProviderKeys
from curfew_rp.strict_json import is_numeric_date, read_object

ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA", "Ed25519")
LEEWAY_SECONDS = 60
LARGEST = 16 * 1024


class InvalidIDToken(Exception):
    """The provider sent an invalid ID Token or none."""


def validate(id_token: object, provider: ProviderKeys, *, client_id: str, nonce: str | None) -> Document:
    """Return the claims of an ID Token for this client. Raises InvalidIDToken or ProviderUnreachable.

    Without a nonce, as after a refresh (core §12.2), none is compared.
    """
    if not isinstance(id_token, str) or len(id_token) > LARGEST:
        raise InvalidIDToken("the token response has no usable id_token")
    claims = _verified(id_token, provider)
    for is_wrong, sentence in _faults(claims, provider.issuer, client_id, nonce):
        if is_wrong:
            raise InvalidIDToken(sentence)
    return claims


def _verified(id_token: str, provider: ProviderKeys) -> Document:
    try:
        header = jws.extract_compact(id_token.encode()).headers()
        alg = header.get("alg")
        # The type of key determines its algorithms, so a key never verifies with another kind of algorithm.
        if alg not in ALGORITHMS or header.get("crit"):
            raise InvalidIDToken(f"the ID Token is signed by {alg!r}")
        keys = provider.find_keys(header.get("kid"))
        for jwk in keys:
            if (payload := _opened(id_token, dict(jwk), str(alg))) is not None:
                return read_object(payload)
    except (JoseError, ValueError) as exc:
        raise InvalidIDToken("the ID Token is malformed") from exc
    raise InvalidIDToken("no key of the provider has signed the ID Token")


def _opened(id_token: str, jwk: dict[str, Any], alg: str) -> bytes | None:
    try:
        return jws.deserialize_compact(id_token, JWKRegistry.import_key(jwk), algorithms=[alg]).payload
    except (JoseError, ValueError):
        return None


def _faults(claims: Document, issuer: str, client_id: str, nonce: str | None) -> list[tuple[bool, str]]:
    now = time.time()
    exp, iat, sub = claims.get("exp"), claims.get("iat"), claims.get("sub")
    return [
        (claims.get("iss") != issuer, "the ID Token is from another issuer"),
        # core §3.1.3.7 (3): a token with additional audiences that are not trusted is refused.
        (claims.get("aud") not in (client_id, [client_id]), "the ID Token is for another client"),
        (claims.get("azp", client_id) != client_id, "the ID Token is for another client"),
        (not (isinstance(sub, str) and 0 < len(sub) <= 255), "the ID Token has no sub"),
        (not is_numeric_date(exp) or exp + LEEWAY_SECONDS < now, "the ID Token has expired"),
        (not is_numeric_date(iat) or iat - LEEWAY_SECONDS > now, "the ID Token is from the future"),
        (nonce is not None and claims.get("nonce") != nonce, "the ID Token belongs to another sign-in"),
    ]
