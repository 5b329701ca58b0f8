"""What must hold for a JWK Set that a client registers (rfc7517): public keys only, and whole ones."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_BYTES = 32 * 1024
MAX_KEYS = 20
_REQUIRED = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519", "Ed448", "X25519", "X448")}
# 2048 bits in base64url.
_LEAST_RSA_CHARACTERS = 342


def problems_of_jwks(jwks: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a JWK Set, without ever repeating key material."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        yield "must be an object whose keys member is a list of JWKs, not empty"
        return
    if len(keys) > MAX_KEYS or len(json.dumps(jwks)) > MAX_BYTES:
        yield f"must not have more than {MAX_KEYS} keys or {MAX_BYTES} bytes"
        return
    kids = [key["kid"] for key in keys if "kid" in key]
    if any(not isinstance(kid, str) or not kid for kid in kids) or len(kids) != len(set(map(str, kids))):
        yield "must have a different text for each kid"
    for number, key in enumerate(keys, start=1):
        yield from (f"key {number} {sentence}" for sentence in _problems_of_key(key))


def _problems_of_key(key: Mapping[str, Any]) -> Iterator[str]:
    if _PRIVATE & key.keys():
        yield "has private members; register the public key"
        return
    kty = key.get("kty")
    if not isinstance(kty, str) or kty not in _REQUIRED:
        yield "must have a kty of RSA, EC or OKP"
        return
    for name in _REQUIRED[kty]:
        value = key.get(name)
        if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
            yield f"must have the member {name}"
    if kty in _CURVES and key.get("crv") not in _CURVES[kty]:
        yield f"must have a crv among {', '.join(_CURVES[kty])}"
    if kty == "RSA" and isinstance(key.get("n"), str) and len(key["n"]) < _LEAST_RSA_CHARACTERS:
        yield "must have at least 2048 bits"
