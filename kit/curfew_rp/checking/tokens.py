"""Thirteen tokens that each break one rule."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from curfew_rp.checking.issuer import make_key
from curfew_rp.checking.party import TYP, Claims, Party

_AN_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class BadToken:
    """A token that must be rejected, or should be if `is_must` is False."""

    name: str
    is_must: bool
    rule: str
    # A section of Back-Channel Logout 1.0, unless another specification is named.
    section: str
    token: str = field(repr=False)


class _Signer:
    """Makes tokens for a client, which are valid except for the given changes."""

    def __init__(self, party: Party, names: Callable[[], Claims]) -> None:
        self.party = party
        self._names = names

    def claims(self) -> Claims:
        return self.party.claims() | self._names()

    def sign(self, claims: Claims, *, key: object = None, typ: str = TYP) -> str:
        return self.party.sign(claims, key=key, typ=typ)


def bad_tokens(party: Party, good: str, names: Callable[[], Claims]) -> Iterator[BadToken]:
    """Yield the bad tokens; `good` is the one that the receiver has just accepted.

    `names` returns the claims for the person and session of the next token, or nothing if they should not
    exist.
    """
    signer = _Signer(party, names)
    for name, is_must, rule, section, make in _TABLE:
        yield BadToken(name=name, is_must=is_must, rule=rule, section=section, token=make(signer, good))


def _with(**changes: object) -> Callable[[_Signer, str], str]:
    """Make a signed token with wrong claims; `...` omits a claim."""

    def make(signer: _Signer, _good: str) -> str:
        return signer.sign(_changed(signer, changes))

    return make


def _shifted(**seconds: int) -> Callable[[_Signer, str], str]:
    """Make a signed token whose times are shifted by that many seconds."""

    def make(signer: _Signer, _good: str) -> str:
        claims = signer.claims()
        return signer.sign({**claims, **{name: claims[name] + span for name, span in seconds.items()}})

    return make


def _changed(signer: _Signer, changes: dict[str, object]) -> Claims:
    return {name: value for name, value in {**signer.claims(), **changes}.items() if value is not ...}


def _unsigned(signer: _Signer, _good: str) -> str:
    return f"{_joined({'alg': 'none', 'typ': TYP}, signer)}."


def _confused(signer: _Signer, _good: str) -> str:
    """Sign by HMAC with the public key as the secret; by hand, because PyJWT refuses to (rfc8725 §2.1)."""
    signed = _joined({"alg": "HS256", "kid": signer.party.kid, "typ": TYP}, signer)
    return f"{signed}.{_base64(hmac.digest(signer.party.public_pem(), signed.encode(), hashlib.sha256))}"


def _joined(header: dict[str, str], signer: _Signer) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in (header, signer.claims()))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_Row = tuple[str, bool, str, str, Callable[[_Signer, str], str]]
_TABLE: tuple[_Row, ...] = (
    (
        "foreign key",
        True,
        "its signature is not the provider's",
        "§2.6 (2)",
        lambda signer, _: signer.sign(signer.claims(), key=make_key(signer.party.alg)),
    ),
    ("alg none", True, "it has no signature", "§2.6 (3)", _unsigned),
    (
        "HS256 with the public key",
        True,
        "anyone can compute this signature",
        "RFC 8725 §2.1",
        _confused,
    ),
    ("wrong iss", True, "it is of another issuer", "§2.6 (4)", _with(iss="https://another-issuer.invalid")),
    ("wrong aud", True, "it is for another app", "§2.6 (4)", _with(aud="another-app")),
    ("expired", True, "it expired an hour ago", "§2.6 (4)", _shifted(iat=-2 * _AN_HOUR, exp=-_AN_HOUR)),
    (
        "from the future",
        True,
        "it is issued an hour from now",
        "§2.6 (4)",
        _shifted(iat=_AN_HOUR, exp=_AN_HOUR),
    ),
    ("nonce", True, "a Logout Token has no nonce", "§2.6 (7)", _with(nonce="n")),
    ("no events", True, "it has no logout event", "§2.6 (6)", _with(events=...)),
    (
        "wrong event",
        True,
        "it has another event",
        "§2.6 (6)",
        _with(events={"http://schemas.openid.net/event/other": {}}),
    ),
    (
        "neither sub nor sid",
        True,
        "it identifies no person and no session",
        "§2.6 (5)",
        _with(sub=..., sid=...),
    ),
    (
        "wrong typ",
        False,
        "its typ is that of an access token (RFC 8725 §3.11)",
        "RFC 8725 §3.11",
        lambda signer, _: signer.sign(signer.claims(), typ="at+jwt"),
    ),
    ("replayed jti", False, "this token was accepted before", "§2.6 (8)", lambda _, good: good),
)
