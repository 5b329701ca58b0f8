"""One good token, and thirteen that each break one rule."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from curfew_rp.checking.issuer import TYP, Claims, Issuer, make_key

_AN_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class BadToken:
    """A token that must be refused, or, where `is_must` is False, should be."""

    name: str
    is_must: bool
    rule: str
    token: str = field(repr=False)


def bad_tokens(issuer: Issuer, good: str) -> list[BadToken]:
    """Return the bad tokens; `good` is the one that the receiver has just accepted."""
    return [
        BadToken(name=name, is_must=is_must, rule=rule, token=make(issuer, good))
        for name, is_must, rule, make in _TABLE
    ]


def _with(**changes: object) -> Callable[[Issuer, str], str]:
    """Make a signed token with wrong claims; `...` leaves one out."""

    def make(issuer: Issuer, _good: str) -> str:
        return issuer.sign(_changed(issuer, changes))

    return make


def _shifted(**seconds: int) -> Callable[[Issuer, str], str]:
    """Make a signed token whose instants are that far from where they should be."""

    def make(issuer: Issuer, _good: str) -> str:
        claims = issuer.claims()
        return issuer.sign({**claims, **{name: claims[name] + span for name, span in seconds.items()}})

    return make


def _changed(issuer: Issuer, changes: dict[str, object]) -> Claims:
    return {name: value for name, value in {**issuer.claims(), **changes}.items() if value is not ...}


def _unsigned(issuer: Issuer, _good: str) -> str:
    return f"{_joined({'alg': 'none', 'typ': TYP}, issuer)}."


def _confused(issuer: Issuer, _good: str) -> str:
    """Sign by HMAC with the public key for a secret, by hand: PyJWT refuses to (rfc8725 §2.1)."""
    signed = _joined({"alg": "HS256", "kid": issuer.kid, "typ": TYP}, issuer)
    return f"{signed}.{_base64(hmac.digest(issuer.public_pem(), signed.encode(), hashlib.sha256))}"


def _joined(header: dict[str, str], issuer: Issuer) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in (header, issuer.claims()))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_Row = tuple[str, bool, str, Callable[[Issuer, str], str]]
_TABLE: tuple[_Row, ...] = (
    (
        "foreign key",
        True,
        "its signature is not the provider's",
        lambda issuer, _: issuer.sign(issuer.claims(), key=make_key(issuer.alg)),
    ),
    ("alg none", True, "it has no signature", _unsigned),
    ("HS256 with the public key", True, "anyone can compute this signature", _confused),
    ("wrong iss", True, "it is of another issuer", _with(iss="https://another-issuer.invalid")),
    ("wrong aud", True, "it is for another app", _with(aud="another-app")),
    ("expired", True, "it expired an hour ago", _shifted(iat=-2 * _AN_HOUR, exp=-_AN_HOUR)),
    ("from the future", True, "it is issued an hour from now", _shifted(iat=_AN_HOUR, exp=_AN_HOUR)),
    ("nonce", True, "a Logout Token has no nonce", _with(nonce="n")),
    ("no events", True, "it has no logout event", _with(events=...)),
    (
        "wrong event",
        True,
        "it has another event",
        _with(events={"http://schemas.openid.net/event/other": {}}),
    ),
    ("neither sub nor sid", True, "it identifies no person and no session", _with(sub=..., sid=...)),
    (
        "wrong typ",
        False,
        "its typ is that of an access token (RFC 8725 §3.11)",
        lambda issuer, _: issuer.sign(issuer.claims(), typ="at+jwt"),
    ),
    ("replayed jti", False, "this token was accepted before", lambda _, good: good),
)
