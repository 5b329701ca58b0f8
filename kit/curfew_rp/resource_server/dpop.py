"""Proof of possession by DPoP (RFC 9449): every check of §4.3, and stateless nonces (§9)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from curfew_rp.resource_server.access import InvalidProof, NonceNeeded
from curfew_rp.signed_token import ALGORITHMS, read_header, verified_payload
from curfew_rp.stores import Store
from curfew_rp.strict_json import is_identifier, is_numeric_date, read_object

_PROOF_SIZE_LIMIT = 4 * 1024
# With an RSA key of more than 4096 bits, or a long exponent, a client could make verification slow.
_LONGEST_MEMBER = 690
_LONGEST_EXPONENT = 6
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
# rfc7638 §3.2 and rfc8037 §2: the members that make up the thumbprint.
_THUMBPRINT_OF = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOf:
    """The call that a proof must match; `url` is the URL that the client called."""

    method: str
    url: str
    token: str
    jkt: str


class ProofOfPossession:
    """Checks DPoP proofs, in all processes that share a store.

    With a `nonce_secret`, which is the same in all processes and at least 32 bytes long, a proof must have a
    nonce of this API from the current period of `nonce_lifetime` or the previous one. `window` is how far
    `iat` may be from now.
    """

    def __init__(
        self,
        store: Store,
        *,
        nonce_secret: bytes | None = None,
        nonce_lifetime: timedelta = timedelta(minutes=5),
        window: timedelta = timedelta(seconds=60),
    ) -> None:
        if nonce_secret is not None and len(nonce_secret) < _SHORTEST_SECRET:
            raise ValueError(f"nonce_secret must have at least {_SHORTEST_SECRET} bytes")
        self._store = store
        self._secret = nonce_secret
        self._nonce_seconds = nonce_lifetime.total_seconds()
        self._window = window.total_seconds()

    def check(self, proofs: Sequence[str], proof_of: ProofOf) -> None:
        """Check that the proof matches the call; raises InvalidProof, NonceNeeded or StoreUnavailable."""
        if len(proofs) != 1:
            raise InvalidProof("there must be one DPoP header")
        claims, jkt = _verified(proofs[0])
        if not hmac.compare_digest(jkt, proof_of.jkt.encode(errors="replace")):
            raise InvalidProof("the proof is by another key than the token's")
        self._check_claims(claims, proof_of)
        self._check_nonce(claims)
        self._use(jkt, claims["jti"])

    def new_nonce(self) -> str | None:
        """Return a nonce for the header DPoP-Nonce, or None if nonces are not required."""
        return self._nonce(self._period()) if self._secret else None

    def _check_claims(self, claims: Mapping[str, Any], proof_of: ProofOf) -> None:
        if claims.get("htm") != proof_of.method:
            raise InvalidProof("htm is not the method of this call")
        if _normalised(claims.get("htu")) != _normalised(proof_of.url):
            raise InvalidProof("htu is not the address of this call")
        iat = claims.get("iat")
        if not is_numeric_date(iat) or abs(time.time() - iat) > self._window:
            raise InvalidProof("iat is missing, or too far from now")
        ath = _base64(hashlib.sha256(proof_of.token.encode()).digest())
        if claims.get("ath") != ath:
            raise InvalidProof("ath is not the hash of the access token")
        if not is_identifier(claims.get("jti")):
            raise InvalidProof("jti is missing or not a short text")

    def _check_nonce(self, claims: Mapping[str, Any]) -> None:
        if self._secret is None:
            return
        nonce, period = claims.get("nonce"), self._period()
        accepted = (self._nonce(period), self._nonce(period - 1))
        if not isinstance(nonce, str) or nonce not in accepted:
            raise NonceNeeded("the proof needs the nonce of the header DPoP-Nonce")

    def _use(self, jkt: bytes, jti: str) -> None:
        """Accept a proof only once among all processes (rfc9449 §11.1)."""
        name = hashlib.sha256(jkt + b"\0" + jti.encode()).hexdigest()[:40]
        if not self._store.claim(f"dpop:{name}", 2 * self._window + 1):
            raise InvalidProof("this proof was used before")

    def _period(self) -> int:
        return int(time.time() // self._nonce_seconds)

    def _nonce(self, period: int) -> str:
        return _base64(hmac.digest(self._secret or b"", f"dpop-nonce {period}".encode(), "sha256")[:16])


def _verified(proof: str) -> tuple[dict[str, Any], bytes]:
    """Return a proof's claims and the thumbprint of the key in its header, which must have signed it."""
    if len(proof) > _PROOF_SIZE_LIMIT:
        raise InvalidProof("the proof is too large")
    try:
        header = read_header(proof)
        jwk = header.get("jwk")
        if header.get("typ") != "dpop+jwt" or header.get("alg") not in ALGORITHMS or "crit" in header:
            raise InvalidProof("typ is not dpop+jwt, or alg is not accepted")
        thumbprint = _thumbprint(jwk)
        body = verified_payload(proof, [jwk] if isinstance(jwk, dict) else [], header["alg"])
        if body is None:
            raise InvalidProof("the signature is not by the proof's key")
        return read_object(body), thumbprint
    except ValueError as exc:
        raise InvalidProof("the proof is not a signed JWT") from exc


def _thumbprint(jwk: object) -> bytes:
    members = _THUMBPRINT_OF.get(str(jwk.get("kty"))) if isinstance(jwk, dict) else None
    if not isinstance(jwk, dict) or members is None or _PRIVATE & jwk.keys():
        raise InvalidProof("jwk is not a public key")
    values = {name: jwk.get(name) for name in members}
    if not all(isinstance(value, str) and len(value) <= _LONGEST_MEMBER for value in values.values()):
        raise InvalidProof("jwk is not a key of a usual size")
    if len(str(values.get("e", ""))) > _LONGEST_EXPONENT:
        raise InvalidProof("jwk is not a key of a usual size")
    text = json.dumps(values, separators=(",", ":"), sort_keys=True)
    return _base64(hashlib.sha256(text.encode(errors="replace")).digest()).encode()


def _normalised(url: object) -> tuple[str, str, int | None, str] | None:
    """rfc9449 §4.3: without query and fragment, normalised as in rfc3986 §6.2.2 and §6.2.3.

    An encoded slash counts as a slash: routes see only the decoded path.
    """
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port, unquote(parts.path) or "/"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
