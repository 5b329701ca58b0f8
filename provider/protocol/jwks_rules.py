"""Rules of a client's JWK Set (rfc7517): public keys only, and strong ones.

A registered set must be valid as a whole; of a fetched set the usable keys are used.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from provider.protocol.client_certificate import thumbprint_of
from provider.protocol.json_object import is_sayable

MAX_BYTES = 32 * 1024
MAX_KEYS = 20
_REQUIRED = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519", "Ed448", "X25519", "X448")}
_EC_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_RSA_BITS = range(2048, 8192 + 1)
_MOST_CERTIFICATES = 10


def problems_of_jwks(jwks: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a JWK Set, without ever repeating key material."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        yield "must be an object whose keys member is a non-empty list of JWKs"
        return
    if len(keys) > MAX_KEYS or len(json.dumps(jwks)) > MAX_BYTES:
        yield f"must not have more than {MAX_KEYS} keys or {MAX_BYTES} bytes"
        return
    if not is_sayable(jwks):
        # One such string in a client's row would break every SQL query that extracts another member of it.
        yield "must not contain NUL or unpaired surrogates"
    kids = [key["kid"] for key in keys if "kid" in key]
    if any(not isinstance(kid, str) or not kid for kid in kids) or len(kids) != len(set(map(str, kids))):
        yield "must have a different string for each kid"
    for number, key in enumerate(keys, start=1):
        yield from (f"key {number} {sentence}" for sentence in _problems_of_key(key))


def usable_keys(document: object) -> list[dict[str, Any]]:
    """Return the usable keys of a published JWK Set; rfc7517 §5: ignore the others.

    Raises ValueError if it is not a JWK Set, or has more keys than any client needs (URL-58).
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError(f"not a JWK Set of {MAX_KEYS} keys at most")
    return [
        key
        for key in keys
        if isinstance(key, dict) and isinstance(key.get("kid", ""), str) and not any(_problems_of_key(key))
    ]


def certificate_thumbprints(keys: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the x5t#S256 of each key's own certificate, the first in its x5c (rfc8705 §2.2.2)."""
    chains = [key["x5c"] for key in keys if key.get("x5c")]
    return frozenset(thumbprint_of(base64.b64decode(chain[0])) for chain in chains)


def _problems_of_key(key: Mapping[str, Any]) -> Iterator[str]:
    if _PRIVATE & key.keys():
        yield "has private members; register the public key"
        return
    kty = key.get("kty")
    if not isinstance(kty, str) or kty not in _REQUIRED:
        yield "must have a kty of RSA, EC or OKP"
        return
    wrong = [name for name in _REQUIRED[kty] if not _is_base64url(key.get(name)) and name != "crv"]
    yield from (f"must have the member {name}" for name in wrong)
    if kty in _CURVES and key.get("crv") not in _CURVES[kty]:
        yield f"must have a crv among {', '.join(_CURVES[kty])}"
    elif kty in _CURVES and not wrong and not _is_point(key):
        yield "must be a point on its curve"
    if kty == "RSA" and not wrong:
        yield from _problems_of_rsa(_number(key["n"]), _number(key["e"]))
    if not _is_chain(key.get("x5c", [])):
        yield f"must have an x5c of at most {_MOST_CERTIFICATES} certificates in base64"


def _problems_of_rsa(modulus: int, exponent: int) -> Iterator[str]:
    if modulus.bit_length() not in _RSA_BITS:
        yield f"must have at least {_RSA_BITS[0]} bits and at most {_RSA_BITS[-1]}"
    # 1 would make every message its own signature; a large one only costs time.
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > 32:
        yield "must have an odd public exponent of 3 or more, and of at most 32 bits"


def _is_point(key: Mapping[str, Any]) -> bool:
    """Return whether a key is a point on its curve that does not yield the same secret with every key."""
    try:
        match key["crv"]:
            case "X25519":
                X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(_bytes(key["x"])))
            case "X448":
                X448PrivateKey.generate().exchange(X448PublicKey.from_public_bytes(_bytes(key["x"])))
            case "Ed25519":
                Ed25519PublicKey.from_public_bytes(_bytes(key["x"]))
            case "Ed448":
                Ed448PublicKey.from_public_bytes(_bytes(key["x"]))
            case curve:
                numbers = (_number(key["x"]), _number(key["y"]), _EC_CURVES[curve])
                ec.EllipticCurvePublicNumbers(*numbers).public_key()
    except ValueError:
        return False
    return True


def _is_base64url(value: object) -> bool:
    return isinstance(value, str) and bool(_BASE64URL.fullmatch(value)) and len(value) % 4 != 1


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text), "big")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _is_chain(value: object) -> bool:
    if not isinstance(value, list) or len(value) > _MOST_CERTIFICATES:
        return False
    return all(isinstance(entry, str) and _is_base64(entry) for entry in value)


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
