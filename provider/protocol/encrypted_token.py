"""A token that is encrypted to a public key of its recipient, as a compact JWE (rfc7516 §7.1).

The algorithms offered have no padding oracle (no RSA1_5), need no shared secret (no `dir`) and are
implemented by the usual libraries.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_RSA, _ECDH = ("RSA-OAEP-256", "RSA-OAEP"), ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
# How the content encryption key is conveyed to the recipient, and how the content is encrypted.
KEY_ALGORITHMS = (*_RSA, *_ECDH)
CONTENT_ALGORITHMS = ("A128CBC-HS256", "A128GCM", "A256GCM")
# registration §2: the default of each `…_encrypted_response_enc`.
USUAL_CONTENT_ALGORITHM = CONTENT_ALGORITHMS[0]
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("X25519", "X448")}
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
# rfc7517 §4.3; some libraries give the public key of a key agreement no operation at all.
_OPERATIONS = ("encrypt", "wrapKey", "deriveKey", "deriveBits")


class UnusableKey(ValueError):
    """Nothing can be encrypted to this key."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """The algorithms by which something is encrypted."""

    alg: str
    enc: str

    def key_among(self, keys: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """Return the key to encrypt to, or None: the first for encryption only, else the first one."""
        fitting = [key for key in keys if self._fits(key)]
        return next((key for key in fitting if "use" in key), next(iter(fitting), None))

    def _fits(self, key: Mapping[str, Any]) -> bool:
        if key.get("use", "enc") != "enc" or key.get("alg", self.alg) != self.alg:
            return False
        operations = key.get("key_ops")
        if isinstance(operations, list) and operations and not any(op in _OPERATIONS for op in operations):
            return False
        if self.alg in _RSA:
            return key.get("kty") == "RSA"
        return key.get("crv") in _CURVES.get(str(key.get("kty")), ())


def encrypt(token: str, key: Mapping[str, Any], by: Encryption, *, signed: bool) -> str:
    """Return a token encrypted to a public JWK. Raises UnusableKey.

    `signed` says that the token is a JWT itself (rfc7519 §5.2).
    """
    # Imported late: registration needs only the names of the algorithms, and the library is slow to import.
    from joserfc import jwe, jwk

    from provider.protocol.signed_token import LIBRARY_FAILURES

    header = {"alg": by.alg, "enc": by.enc}
    # core §10.2: the recipient finds its key by the `kid` that it chose.
    if "kid" in key:
        header["kid"] = key["kid"]
    if signed:
        header["cty"] = "JWT"
    try:
        # The other members of the JWK have been checked already, and the library has different rules for
        # them.
        public = jwk.import_key({name: key[name] for name in _PUBLIC[key["kty"]]})
        return jwe.encrypt_compact(header, token, public, algorithms=[by.alg, by.enc])
    except LIBRARY_FAILURES as exc:
        raise UnusableKey("this key cannot be used for encryption") from exc


def is_encrypted(token: str) -> bool:
    """Return whether a text has the five parts of a compact JWE, where a compact JWS has three."""
    return token.count(".") == 4
