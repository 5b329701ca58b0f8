"""A compact JWS that another party signed (rfc7515 §7.1): read strictly first, verified afterwards.

Header and claims are read by our own JSON reader before any library sees the token, so that a library
understands exactly what was checked. A key in a header is not used unless the caller says so.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeyFlexible

from provider.protocol import strict_json

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_TEXTS = ("alg", "kid", "typ")
# Raised by libraries for keys and signatures of the wrong kind; each means that verification failed.
LIBRARY_FAILURES = (
    *(JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError),
    *(OverflowError, RecursionError),
)


class MalformedToken(ValueError):
    """The text is not a token that could be verified; the message says why."""


class Unverifiable(ValueError):
    """The signature is not valid for this key."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well-formed token; none of its contents has been verified."""

    text: str = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)
    claims: dict[str, Any] = field(repr=False)

    @property
    def kid(self) -> str | None:
        """The key that the token names."""
        return self.header.get("kid")

    @property
    def typ(self) -> str | None:
        """The type that the token names, as `type_named_in` returns it."""
        return type_named_in(self.header)


def type_named_in(header: Mapping[str, Any]) -> str | None:
    """Return the type in a header, in lower case and without `application/`; None without one.

    rfc7515 §4.1.9: it is a media type, which is case-insensitive, and a recipient 'treats it as if
    "application/" were prepended' if it has no slash.
    """
    named = header.get("typ")
    return named.lower().removeprefix("application/") if isinstance(named, str) else None


def read_token(text: object, *, largest: int) -> UnverifiedToken:
    """Split a compact JWS into its parts. Raises MalformedToken.

    LIB-13: a large token is expensive to parse, so its size is checked first.
    """
    if not isinstance(text, str) or len(text) > largest:
        raise MalformedToken("the token is too large")
    parts = _COMPACT.fullmatch(text)
    if parts is None:
        raise MalformedToken("the token is not a compact JWS")
    try:
        header = strict_json.load_object(_decoded(parts[1]))
        claims = strict_json.load_object(_decoded(parts[2]))
    except ValueError as exc:
        raise MalformedToken("the token does not contain two JSON objects") from exc
    # rfc7515 §4.1.11: a token with an extension that is not understood 'is invalid', and none is here.
    if {"crit", "b64"} & header.keys():
        raise MalformedToken("the header requires an extension")
    if not all(isinstance(header.get(name, ""), str) for name in _TEXTS) or "alg" not in header:
        raise MalformedToken("alg, kid and typ in the header must be strings")
    return UnverifiedToken(text, header, claims)


def verify(
    token: UnverifiedToken, key: KeyFlexible, *, algorithms: Collection[str], key_in_header: bool = False
) -> dict[str, Any]:
    """Return the claims if this key, or one of this set, signed them. Raises Unverifiable.

    A header that holds a key is longer than others, and may have members that are ignored (rfc7515 §4).
    """
    try:
        registry = _Registry(algorithms, key_in_header=key_in_header)
        jws.deserialize_compact(token.text, key, registry=registry)
    except LIBRARY_FAILURES as exc:
        raise Unverifiable("the signature is invalid") from exc
    return token.claims


class _Registry(jws.JWSRegistry):
    """joserfc's rules, except for its warnings and for a header with a key."""

    def __init__(self, algorithms: Collection[str], *, key_in_header: bool) -> None:
        super().__init__(algorithms=list(algorithms), strict_check_header=not key_in_header)
        if key_in_header:
            # The token's size has been checked already.
            self.max_header_length = self.max_payload_length

    def get_alg(self, name: str) -> Any:
        """Return an allowed algorithm; joserfc would warn at each use of `EdDSA`, the most common name."""
        if self.allowed is None or name not in self.allowed:
            raise ValueError("the algorithm is not allowed")
        return self.algorithms[name]


def _decoded(segment: str) -> bytes:
    try:
        return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except binascii.Error as exc:
        raise MalformedToken("the token is not base64url") from exc
