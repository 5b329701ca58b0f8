"""The supported signature algorithms: how a key pair is made for each, and which members may be published."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

# core §15.1: RS256 is mandatory; it is also the default of a client that registers no algorithm. PS256 is the
# RSA algorithm that FAPI 2.0 §5.4 allows; it has its own key, as a key is for one algorithm (KEY-09).
ALGORITHMS = ("RS256", "ES256", "EdDSA", "PS256")
# rfc7638 §3.2: the members in a thumbprint, which are also all members of a public key.
_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
_COORDINATE_BYTES = 32


def generate(alg: str, *, rsa_key_bits: int) -> PrivateKey:
    """Make a new private key for one algorithm."""
    match alg:
        case "RS256" | "PS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=rsa_key_bits)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
    raise ValueError(f"{alg} is not supported")


def public_jwk_of(key: PrivateKey, alg: str) -> dict[str, str]:
    """Return the publishable part of a key: the public members, its algorithm, use and name."""
    members = _public_members(key)
    return members | {"alg": alg, "use": "sig", "kid": thumbprint(members)}


def thumbprint(members: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint: a name derived from the key itself and therefore unique (KEY-09)."""
    required = {name: members[name] for name in _MEMBERS[members["kty"]]}
    text = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return _encode(hashlib.sha256(text.encode()).digest())


def public_part(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public members of a stored key, and no others (KEY-08)."""
    return {name: jwk[name] for name in (*_MEMBERS[jwk["kty"]], "alg", "use", "kid")}


def public_key_from(jwk: Mapping[str, Any]) -> PublicKey:
    """Return the key object of a stored public key."""
    match jwk["kty"]:
        case "RSA":
            return rsa.RSAPublicNumbers(e=_number(jwk["e"]), n=_number(jwk["n"])).public_key()
        case "EC":
            return ec.EllipticCurvePublicNumbers(
                _number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1()
            ).public_key()
    return ed25519.Ed25519PublicKey.from_public_bytes(_decode(jwk["x"]))


def to_der(key: PrivateKey) -> bytes:
    """Return a private key as bytes; they are encrypted before they are stored."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def from_der(der: bytes) -> PrivateKey:
    """Return the private key that `to_der` wrote."""
    # These bytes come from an authenticated seal; checking an RSA key's primes would take many times as long.
    key = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, PrivateKey):
        raise TypeError("the stored key is of a kind that is not supported")
    return key


def _public_members(key: PrivateKey) -> dict[str, str]:
    match key:
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            return {"kty": "RSA", "n": _encode_number(numbers.n), "e": _encode_number(numbers.e)}
        case ec.EllipticCurvePrivateKey():
            point = key.public_key().public_numbers()
            # rfc7518 §6.2.1.2: a coordinate has the full size of the curve's field, including leading zeros.
            x, y = (_encode(part.to_bytes(_COORDINATE_BYTES)) for part in (point.x, point.y))
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        case _:
            raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": _encode(raw)}


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _encode_number(number: int) -> str:
    return _encode(number.to_bytes((number.bit_length() + 7) // 8))


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_decode(text))
