"""The tokens that are tried on an app: one good one, and one of every bad kind.

The person, the session and, for a wrong audience, the app in them are made up for the examination, so
accepting one ends nothing.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provider.clients.models import Client, LogoutTokenNames
from provider.infrastructure import clock, current
from provider.infrastructure.opaque_tokens import new_handle, new_subject
from provider.keys import algorithms, jwt
from provider.keys.keyring import the_keyring
from provider.logout.notification.logout_token import BACKCHANNEL_LOGOUT_EVENT

LIFETIME_SECONDS = 120
_AN_HOUR = 3600
_FOREIGN_RSA_BITS = 2048
_COORDINATE_BYTES = 32
Claims = dict[str, Any]
NEEDED = True
ADVISED = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A bad token with the rule it breaks, and whether an app must refuse it or only should."""

    check: str
    is_must: bool
    rule: str
    fix: str
    token: str = field(repr=False)


class Specimens:
    """Makes tokens with one signature algorithm; `make_claims` returns the claims of a valid token."""

    def __init__(self, *, alg: str, make_claims: Callable[[], Claims]) -> None:
        self._make_claims = make_claims
        self._alg = alg
        self._kid = the_keyring().private_key(self._alg)[0]

    @classmethod
    def for_client(cls, client: Client) -> Self:
        """Return an instance that makes tokens for a client, with a made-up person and session."""
        return cls(
            alg=client.metadata_.id_token_signed_response_alg, make_claims=partial(_made_up_claims, client)
        )

    def good(self) -> str:
        """Return a valid Logout Token for a made-up session."""
        return jwt.sign(self._make_claims(), typ=jwt.LOGOUT_TOKEN_TYP, alg=self._alg)

    def bad(self, good: str) -> list[Specimen]:
        """Return one token of every bad kind; `good` is the token that the app has just accepted."""
        return [
            Specimen(check=check, is_must=is_must, rule=rule, fix=fix, token=make(self, good))
            for check, is_must, rule, fix, make in _TABLE
        ]

    def wrong(self, *without: str, typ: str = jwt.LOGOUT_TOKEN_TYP, **changes: object) -> str:
        """Return a token with our signature and wrong claims."""
        claims = {
            name: value for name, value in (self._make_claims() | changes).items() if name not in without
        }
        return jwt.sign_wrong_on_purpose(claims, typ=typ, alg=self._alg)

    def unsigned(self) -> str:
        """Return a token with `alg: none`."""
        return f"{_encode({'alg': 'none', 'typ': jwt.LOGOUT_TOKEN_TYP})}.{_encode(self._make_claims())}."

    def confused(self) -> str:
        """Return a token with an HMAC whose secret is our published public key (RFC 8725 §2.1)."""
        held = the_keyring().find(self._kid)
        if held is None:
            raise AssertionError("the key that signs is in the keyring")
        secret = held.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = f"{_encode(self._header('HS256'))}.{_encode(self._make_claims())}"
        return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    def foreign(self) -> str:
        """Return a token that names our key but is signed with another one."""
        signed = f"{_encode(self._header(self._alg))}.{_encode(self._make_claims())}"
        key = algorithms.generate(self._alg, rsa_key_bits=_FOREIGN_RSA_BITS)
        return f"{signed}.{_base64(_signature(key, signed.encode()))}"

    def now(self) -> int:
        """Return the present instant as a NumericDate."""
        return _now()

    def _header(self, alg: str) -> dict[str, str]:
        return {"alg": alg, "kid": self._kid, "typ": jwt.LOGOUT_TOKEN_TYP}


def _made_up_claims(client: Client) -> Claims:
    issued_at, names = _now(), LogoutTokenNames(client.logout_token_names)
    claims: Claims = {
        "iss": current.settings().issuer,
        "aud": client.client_id,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
        "jti": new_handle(),
        "events": {BACKCHANNEL_LOGOUT_EVENT: {}},
    }
    if names is not LogoutTokenNames.SID:
        claims["sub"] = new_subject()
    if names is not LogoutTokenNames.SUB:
        claims["sid"] = new_handle()
    return claims


def _now() -> int:
    return int(clock.now().timestamp())


def _signature(key: algorithms.PrivateKey, message: bytes) -> bytes:
    """Sign as a third party would, with a key that is not ours and therefore outside `keys.jwt`."""
    match key:
        case rsa.RSAPrivateKey():
            return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePrivateKey():
            r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)
        case _:
            return key.sign(message)


def _encode(value: object) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_Row = tuple[str, bool, str, str, Callable[[Specimens, str], str]]
_TABLE: tuple[_Row, ...] = (
    (
        "foreign key",
        NEEDED,
        "the signature is not the provider's (§2.6)",
        "Verify the signature with the keys at the provider's jwks_uri, before anything else.",
        lambda made, _: made.foreign(),
    ),
    (
        "alg none",
        NEEDED,
        "it has no signature (§2.6)",
        "Accept only the registered algorithm; never let the token choose it.",
        lambda made, _: made.unsigned(),
    ),
    (
        "HS256 with the public key",
        NEEDED,
        "anyone can compute this signature (RFC 8725 §2.1)",
        "Accept only the registered algorithm, and never use a public key as an HMAC secret.",
        lambda made, _: made.confused(),
    ),
    (
        "wrong iss",
        NEEDED,
        "another issuer (§2.6)",
        "Compare iss with the issuer of your ID Tokens, character by character.",
        lambda made, _: made.wrong(iss="https://another-issuer.invalid"),
    ),
    (
        "wrong aud",
        NEEDED,
        "it is for another app (§2.6)",
        "Accept only your own client_id in aud.",
        lambda made, _: made.wrong(aud=f"nobody-{new_handle()}"),
    ),
    (
        "expired",
        NEEDED,
        "it expired an hour ago (§2.6)",
        "Check exp, with a leeway of at most two minutes, and the clock of the server.",
        lambda made, _: made.wrong(iat=made.now() - _AN_HOUR - LIFETIME_SECONDS, exp=made.now() - _AN_HOUR),
    ),
    (
        "from the future",
        NEEDED,
        "it is issued an hour from now (§2.6)",
        "Check iat, with a leeway of at most two minutes, and the clock of the server.",
        lambda made, _: made.wrong(iat=made.now() + _AN_HOUR, exp=made.now() + _AN_HOUR + LIFETIME_SECONDS),
    ),
    (
        "nonce",
        NEEDED,
        "a Logout Token has no nonce (§2.4)",
        "Refuse a token with a nonce: it could be an ID Token.",
        lambda made, _: made.wrong(nonce=new_handle()),
    ),
    (
        "no events",
        NEEDED,
        "it has no logout event (§2.6)",
        "Require the member http://schemas.openid.net/event/backchannel-logout in events.",
        lambda made, _: made.wrong("events"),
    ),
    (
        "wrong event",
        NEEDED,
        "it has a different event (§2.6)",
        "Require the member http://schemas.openid.net/event/backchannel-logout in events.",
        lambda made, _: made.wrong(events={"http://schemas.openid.net/event/another": {}}),
    ),
    (
        "neither sub nor sid",
        NEEDED,
        "it identifies no person or session (§2.6)",
        "Refuse a token that has neither sub nor sid.",
        lambda made, _: made.wrong("sub", "sid"),
    ),
    (
        "wrong typ",
        ADVISED,
        "its typ is that of another kind of token (RFC 8725 §3.11)",
        "Accept only the typ logout+jwt, so that no other kind of token is accepted as a Logout Token.",
        lambda made, _: made.wrong(typ=jwt.ACCESS_TOKEN_TYP),
    ),
    (
        "replayed jti",
        ADVISED,
        "this token was already accepted (§2.6)",
        "Remember each jti until its token has expired.",
        lambda _, good: good,
    ),
)

# The function that makes a bad token of each kind, from the specimens and the last good token.
KINDS: dict[str, Callable[[Specimens, str], str]] = {row[0]: row[-1] for row in _TABLE}
