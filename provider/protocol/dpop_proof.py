"""DPoP proofs (rfc9449 §4): read and checked, except for what needs state, such as replay."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from provider.protocol import numeric_date
from provider.protocol.signed_token import (
    LIBRARY_FAILURES,
    MalformedToken,
    Unverifiable,
    read_token,
    type_named_in,
    verify,
)

# rfc9864 §2.2 registers the name Ed25519; many clients still send EdDSA and mean the same. FAPI 2.0 §5.4.1
# leaves out RS256, and no existing client relies on it.
PROOF_ALGORITHMS = ("ES256", "PS256", "Ed25519", "EdDSA")
# How far `iat` may be from now, in either direction: clocks of people's devices differ.
LONGEST_DISTANCE = timedelta(seconds=60)
LARGEST_PROOF = 8 * 1024
_LONGEST_TEXT = 255
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)
_NUMBER = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_KINDS: Mapping[str, tuple[type[Key], str, str | None, tuple[str, ...]]] = {
    "ES256": (ECKey, "EC", "P-256", ("crv", "kty", "x", "y")),
    "PS256": (RSAKey, "RSA", None, ("e", "kty", "n")),
    "Ed25519": (OKPKey, "OKP", "Ed25519", ("crv", "kty", "x")),
    "EdDSA": (OKPKey, "OKP", "Ed25519", ("crv", "kty", "x")),
}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# The lengths in base64url of 2048 and 8192 bits; a larger modulus or exponent only costs us time.
_RSA_CHARACTERS = (342, 1366)
_LONGEST_EXPONENT = 6


class MalformedProof(ValueError):
    """The proof is not valid; the message says why."""


@dataclass(frozen=True, slots=True)
class DPoPProof:
    """A proof that is valid for this request; the caller checks that it is used only once."""

    jkt: str
    jti: str
    iat: datetime
    nonce: str | None


def read(
    text: str, *, method: str, urls: Iterable[str], now: datetime, access_token: str | None = None
) -> DPoPProof:
    """Check a proof for one request, and for the access token that it comes with (rfc9449 §4.3).

    `urls` are the URLs at which this endpoint can be called. Raises MalformedProof.
    """
    key, claims = _verified(text)
    if claims.get("htm") != method:
        raise MalformedProof("htm is not the method of this request")
    if not any(_is_same(claims.get("htu"), url) for url in urls):
        raise MalformedProof("htu is not the address of this request")
    if access_token is not None:
        _check_hash(claims.get("ath"), access_token)
    nonce = claims.get("nonce")
    return DPoPProof(
        jkt=key.thumbprint(),
        jti=_text(claims, "jti"),
        iat=_issued_at(claims, now),
        nonce=nonce if isinstance(nonce, str) else None,
    )


def hash_of(access_token: str) -> str:
    """Return the `ath` of an access token (rfc9449 §4.2)."""
    digest = hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _verified(text: str) -> tuple[Key, dict[str, Any]]:
    try:
        # A second header is appended after a comma, so the value is not a compact JWT either (§4.3, 1).
        token = read_token(text, largest=LARGEST_PROOF)
        key = _key_of(token.header)
        # rfc7515 §4: members of the header that are not understood are ignored.
        return key, verify(token, key, algorithms=PROOF_ALGORITHMS, key_in_header=True)
    except MalformedToken as exc:
        raise MalformedProof(f"the DPoP header is not a single JWT, or is too large: {exc}") from exc
    except Unverifiable as exc:
        raise MalformedProof("the signature of the DPoP proof is invalid") from exc


def _key_of(header: Mapping[str, Any]) -> Key:
    """Return the key that a proof carries, which is allowed only in this kind of token."""
    if type_named_in(header) != "dpop+jwt":
        raise MalformedProof("the typ of the DPoP proof is not dpop+jwt")
    alg, jwk = header.get("alg"), header.get("jwk")
    if not isinstance(alg, str) or alg not in _KINDS:
        raise MalformedProof(f"the alg of the DPoP proof is not among {', '.join(PROOF_ALGORITHMS)}")
    if not isinstance(jwk, dict) or not all(isinstance(jwk.get(name), str) for name in _KINDS[alg][3]):
        raise MalformedProof("the jwk of the DPoP proof is not a complete public key for its alg")
    if _PRIVATE & jwk.keys():
        raise MalformedProof("the jwk of the DPoP proof contains a private key")
    made_by, kty, crv, members = _KINDS[alg]
    if jwk["kty"] != kty or jwk.get("crv") != crv or (kty == "RSA" and not _is_sound(jwk)):
        raise MalformedProof("the jwk of the DPoP proof is not a key for its alg")
    try:
        return made_by.import_key({name: jwk[name] for name in members})
    except LIBRARY_FAILURES as exc:
        raise MalformedProof("the jwk of the DPoP proof is not a key for its alg") from exc


def _is_sound(jwk: Mapping[str, str]) -> bool:
    least, most = _RSA_CHARACTERS
    n, e = jwk["n"], jwk["e"]
    is_base64 = bool(_NUMBER.fullmatch(n) and _NUMBER.fullmatch(e))
    return is_base64 and least <= len(n) <= most and len(e) <= _LONGEST_EXPONENT


def _issued_at(claims: Mapping[str, Any], now: datetime) -> datetime:
    try:
        issued_at = numeric_date.read(claims, "iat")
    except numeric_date.MalformedDate as exc:
        raise MalformedProof(str(exc)) from exc
    if issued_at is None or abs(now - issued_at) > LONGEST_DISTANCE:
        raise MalformedProof("iat is too far from the current time")
    return issued_at


def _check_hash(ath: object, access_token: str) -> None:
    # JSON can contain unpaired surrogates, which UTF-8 cannot, and only bytes are compared in constant time.
    given = ath.encode(errors="replace") if isinstance(ath, str) else b""
    if not hmac.compare_digest(given, hash_of(access_token).encode()):
        raise MalformedProof("ath is not the hash of the access token")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        raise MalformedProof(f"{name} is not a text of 1 to {_LONGEST_TEXT} characters")
    return value


def _is_same(htu: object, url: str) -> bool:
    """Return whether `htu` is this URL; §4.3, 9: ignoring query, fragment and differences of spelling."""
    try:
        return isinstance(htu, str) and _spelled(urlsplit(htu)) == _spelled(urlsplit(url))
    except ValueError:
        return False


def _spelled(uri: SplitResult) -> tuple[str, str, str, int | None, str]:
    path = _ESCAPE.sub(_unescaped, uri.path) or "/"
    port = uri.port or _DEFAULT_PORTS.get(uri.scheme)
    return uri.scheme, uri.netloc.rpartition("@")[0], uri.hostname or "", port, path


def _unescaped(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.fullmatch(character) else found[0].upper()
