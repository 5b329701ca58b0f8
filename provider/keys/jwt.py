"""The only module that signs a token and the only importer of PyJWT.

Every JWT of ours is made and read here. Its header holds only `alg`, `kid` and `typ`, and the type is checked
first, so that no kind of token passes for another (SEC-905).
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import NewType

import jwt

from provider.infrastructure import clock, current
from provider.keys.algorithms import ALGORITHMS, public_key_from
from provider.keys.keyring import HeldKey, the_keyring
from provider.protocol import strict_json

UnverifiedJWT = NewType("UnverifiedJWT", str)
VerifiedClaims = NewType("VerifiedClaims", dict[str, object])

ID_TOKEN_TYP = "JWT"  # noqa: S105 – a media type, not a secret.
ACCESS_TOKEN_TYP = "at+jwt"  # noqa: S105 – a media type, not a secret.
# jarm defines no type; libraries use this one. Without a `sub` it cannot pass for an ID Token.
AUTHORIZATION_RESPONSE_TYP = "JWT"
INTROSPECTION_TYP = "token-introspection+jwt"
LOGOUT_TOKEN_TYP = "logout+jwt"  # noqa: S105 – a media type, not a secret.
# rfc8725 §3.11: a type of its own, which no token verifier of ours or of the kit accepts.
RECEIPT_TYP = "vnd.curfew.logout-receipt+jwt"

# THR-41, LIB-13: parsing a header of megabytes costs seconds of CPU and gigabytes of memory.
LARGEST_JWT = 8 * 1024
_LARGEST_HEADER = 1024
# The clocks of our own nodes may differ by this much; it never extends an expiry.
_LEEWAY = timedelta(seconds=30)
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)", re.ASCII)
_KID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_ALPHABET = re.compile(rb"[A-Za-z0-9_-]+", re.ASCII)


class _JWS(jwt.PyJWS):
    """PyJWT's reader of signed tokens, which would look at each of their characters in Python (LIB-26)."""

    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        try:
            if _ALPHABET.fullmatch(segment):
                decoded = base64.urlsafe_b64decode(segment + b"==")
                if base64.urlsafe_b64encode(decoded).rstrip(b"=") == segment:
                    return decoded
        except binascii.Error:
            pass
        raise jwt.DecodeError(f"Invalid {name} padding")


_jws = _JWS(algorithms=list(ALGORITHMS))


class InvalidJWT(Exception):
    """A token that is not one of ours, or that may not be used here; the sentence is for our log."""


def sign(claims: Mapping[str, object], *, typ: str, alg: str) -> str:
    """Sign claims with the active key of an algorithm.

    Raises NoSigningKey when no key is active for it.
    """
    kid, private_key = the_keyring().private_key(alg)
    signed = f"{_header(alg, kid, typ)}.{_base64url(_ENCODER.encode(dict(claims)).encode())}"
    # The keys in the keyring fit their algorithms; PyJWT's `encode` would check key and header each time.
    signature = _jws.get_algorithm_by_name(alg).sign(signed.encode(), private_key)
    return f"{signed}.{_base64url(signature)}"


@lru_cache(maxsize=256)
def _header(alg: str, kid: str, typ: str) -> str:
    return _base64url(_ENCODER.encode({"alg": alg, "kid": kid, "typ": typ}).encode())


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def sign_wrong_on_purpose(claims: Mapping[str, object], *, typ: str, alg: str) -> str:
    """Sign false claims, to test whether an app refuses them.

    Such a token has a valid signature of ours, so it must name no person and nothing that exists.
    """
    return sign(claims, typ=typ, alg=alg)


def verify_own(
    token: UnverifiedJWT,
    *,
    typ: frozenset[str | None],
    audience: str | None,
    require: tuple[str, ...],
    allow_expired: bool = False,
    for_hint: bool = False,
) -> VerifiedClaims:
    """Return the claims of a token that we signed ourselves, or raise InvalidJWT.

    `typ` lists the accepted types (None: no type), `require` the mandatory claims. `audience` None accepts
    any single audience. `for_hint` also accepts keys that have left the JWKS but still verify an
    `id_token_hint` (KEY-05).
    """
    if len(token) > LARGEST_JWT:
        raise InvalidJWT("the token is too large")
    held = _key_for(_read_header(token), typ, for_hint=for_hint)
    try:
        decoded = _jws.decode_complete(token, key=held.public_key, algorithms=[held.alg])
    except jwt.InvalidTokenError as exc:
        raise InvalidJWT("the signature is invalid") from exc
    claims = _read_payload(decoded["payload"])
    _check_required(claims, require)
    _check_parties(claims, audience)
    _check_times(claims, allow_expired=allow_expired, for_hint=for_hint)
    return VerifiedClaims(claims)


def verify_with(
    token: UnverifiedJWT, keys: Iterable[Mapping[str, object]], *, typ: str, largest: int
) -> tuple[VerifiedClaims, dict[str, str]]:
    """Return claims and header of a JWT of this type, signed by one of these published keys (rfc7517 §5).

    Reads neither settings nor the database, and does not check the times in the claims. Raises InvalidJWT.
    """
    if len(token) > largest:
        raise InvalidJWT(f"it has more than {largest} characters")
    if token.find(".") > _LARGEST_HEADER:
        raise InvalidJWT("its header is too large")
    header = _read_header(token)
    if header.get("typ") != typ:
        raise InvalidJWT(f"its type is {header.get('typ')!s:.80}, not {typ}")
    alg, kid = header.get("alg"), header.get("kid")
    if alg not in ALGORITHMS or not isinstance(alg, str):
        raise InvalidJWT(f"its algorithm is {alg!s:.80}, which is none of {', '.join(ALGORITHMS)}")
    if not isinstance(kid, str) or not _HEADER_MEMBERS.issuperset(header):
        raise InvalidJWT("its header has no kid, or an unexpected member")
    found = next((key for key in keys if key.get("kid") == kid), None)
    if found is None:
        raise InvalidJWT(f"it is signed with the key {kid:.80}, which is not among the given keys")
    claims = _read_payload(_signed_payload(token, found, alg))
    return VerifiedClaims(claims), {"alg": alg, "kid": kid}


def _signed_payload(token: str, jwk: Mapping[str, object], alg: str) -> bytes:
    if jwk.get("alg", alg) != alg:
        raise InvalidJWT("its key is for another algorithm")
    try:
        payload: bytes = _jws.decode(token, public_key_from(jwk), algorithms=[alg])
    except (KeyError, TypeError, ValueError, jwt.InvalidKeyError) as exc:
        raise InvalidJWT("its key cannot be used for this algorithm") from exc
    except jwt.InvalidTokenError as exc:
        raise InvalidJWT("the signature is not valid: it was changed, or another key has signed it") from exc
    return payload


def _read_header(token: str) -> dict[str, object]:
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise InvalidJWT("the token is not a compact JWS")
    if not _is_canonical(parts[2]):
        # Unused bits of the last character would allow several encodings of one signature.
        raise InvalidJWT("the signature is not canonical base64url")
    try:
        return strict_json.load_object(_decode(parts[1]))
    except ValueError as exc:
        raise InvalidJWT("the header is not a JSON object") from exc


def _key_for(header: dict[str, object], typ: frozenset[str | None], *, for_hint: bool) -> HeldKey:
    """Choose the key from our own keyring, never from the token's header (SEC-903)."""
    if not _HEADER_MEMBERS.issuperset(header):
        raise InvalidJWT("the header has an unexpected member")
    named = header.get("typ")
    if not (named is None or isinstance(named, str)) or named not in typ:
        raise InvalidJWT("the token is of another type")
    alg, kid = header.get("alg"), header.get("kid")
    if alg not in ALGORITHMS:
        raise InvalidJWT("the algorithm is not supported")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidJWT("the kid is not one of ours")
    held = the_keyring().find(kid)
    if held is None or not (held.is_published or for_hint):
        raise InvalidJWT("the key is not known or no longer in use")
    if held.alg != alg:
        raise InvalidJWT("the key is for another algorithm")
    return held


def _read_payload(payload: bytes) -> dict[str, object]:
    try:
        return strict_json.load_object(payload)
    except strict_json.MalformedJSON as exc:
        raise InvalidJWT(f"the payload cannot be read: {exc}") from exc


def _check_required(claims: dict[str, object], require: tuple[str, ...]) -> None:
    missing = [name for name in require if claims.get(name) is None]
    if missing:
        raise InvalidJWT(f"the token lacks {', '.join(missing)}")


def _check_parties(claims: dict[str, object], audience: str | None) -> None:
    if claims.get("iss") != current.settings().issuer:
        raise InvalidJWT("the token has a different issuer")
    # LIB-10: we sign one audience as a string, so a list cannot be ours.
    named = claims.get("aud")
    if not (isinstance(named, str) or (named is None and audience is None)):
        raise InvalidJWT("the audience is not a single string")
    if audience is not None and named != audience:
        raise InvalidJWT("the token has a different audience")


def _check_times(claims: dict[str, object], *, allow_expired: bool, for_hint: bool) -> None:
    now = clock.now().timestamp()
    expires, issued, begins = (_instant(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is not None and expires <= now and not allow_expired:
        raise InvalidJWT("the token has expired")
    for instant in (issued, begins):
        if instant is not None and instant > now + _LEEWAY.total_seconds():
            raise InvalidJWT("the token was issued in the future")
    # LIB-12: no token of ours stays valid after its key has left the JWKS (KEY-04).
    longest = current.settings().key_publish_after_use.total_seconds()
    if not for_hint and expires is not None and issued is not None and expires - issued > longest:
        raise InvalidJWT("the token has too long a lifetime")


def _instant(claims: dict[str, object], name: str) -> int | None:
    """Return a NumericDate; we sign whole seconds, so anything else is refused (SEC-904)."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidJWT(f"{name} is not an instant")
    return value


def _is_canonical(segment: str) -> bool:
    try:
        return base64.urlsafe_b64encode(_decode(segment)).rstrip(b"=") == segment.encode()
    except binascii.Error:
        return False


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
