"""Claims of a verified Request Object as parameters (rfc9101 §4, core §6.1)."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from provider.protocol import numeric_date
from provider.protocol.parameters import REPEATABLE

# rfc9101 §10.8.1 defines a type; core §6.1 had none.
TYPES = frozenset({None, "jwt", "oauth-authz-req+jwt"})
# How much our clock and the client's may differ.
_LEEWAY = timedelta(seconds=30)
# message signing §5.3.1: both how old `nbf` may be and how long after it `exp` may be.
LONGEST_BOUNDED = timedelta(minutes=60)
_LONGEST_VALUE = 8 * 1024


class MalformedRequestObject(ValueError):
    """The object is not valid; the message says why."""


def check_claims(
    claims: Mapping[str, Any], *, client_id: str, issuer: str, now: datetime, bounded: bool = False
) -> None:
    """Check the sender, the audience and the times. Raises MalformedRequestObject.

    `bounded` also requires what message signing §5.3.1 requires: `aud`, and `nbf` and `exp` that limit how
    long a signed request can be used.
    """
    if {"request", "request_uri"} & set(claims):
        raise MalformedRequestObject("it must not contain request or request_uri")
    # rfc9101 §5: the client_id outside 'MUST match' the one inside.
    if claims.get("client_id") != client_id or claims.get("iss", client_id) != client_id:
        raise MalformedRequestObject("client_id and iss must be the client")
    # rfc9101 §10.8: an assertion that proves the client must not pass for a request of it.
    if claims.get("sub") == client_id:
        raise MalformedRequestObject("sub must not be the client")
    named = claims.get("aud", issuer)
    if issuer not in (named if isinstance(named, list) else [named]):
        raise MalformedRequestObject("aud must be this provider's issuer")
    if bounded and "aud" not in claims:
        raise MalformedRequestObject("it lacks aud")
    _check_times(claims, now, bounded=bounded)


def parameters_of(claims: Mapping[str, Any], known: frozenset[str]) -> dict[str, str]:
    """Return the claims as authorization parameters. Raises MalformedRequestObject.

    rfc9101 §4: numbers and objects are given as JSON; unknown claims are ignored.
    """
    parameters = {name: _text_of(name, value) for name, value in claims.items() if name in known}
    return {name: text for name, text in parameters.items() if text}


def _check_times(claims: Mapping[str, Any], now: datetime, *, bounded: bool) -> None:
    try:
        expires, begins, issued = (numeric_date.read(claims, name) for name in ("exp", "nbf", "iat"))
    except numeric_date.MalformedDate as exc:
        raise MalformedRequestObject(str(exc)) from exc
    if expires and expires <= now:
        raise MalformedRequestObject("it has expired")
    if any(instant and instant > now + _LEEWAY for instant in (begins, issued)):
        raise MalformedRequestObject("it was issued in the future")
    if not bounded:
        return
    if begins is None or expires is None:
        raise MalformedRequestObject("it lacks nbf or exp")
    if now - begins > LONGEST_BOUNDED:
        raise MalformedRequestObject("nbf is more than 60 minutes in the past")
    if expires - begins > LONGEST_BOUNDED:
        raise MalformedRequestObject("exp is more than 60 minutes after nbf")


def _text_of(name: str, value: object) -> str:
    text = _as_text(name, value)
    if text is None:
        raise MalformedRequestObject(f"{name} has the wrong type")
    if "\0" in text or len(text) > _LONGEST_VALUE:
        raise MalformedRequestObject(f"{name} is too long or not a string")
    # JSON can contain unpaired surrogates, which UTF-8 cannot.
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise MalformedRequestObject(f"{name} is not a string")
    return text


def _as_text(name: str, value: object) -> str | None:
    match value:
        case str():
            return value
        case int() if name == "max_age" and not isinstance(value, bool):
            return str(value)
        case dict() if name == "claims":
            return json.dumps(value)
        case list() if name in REPEATABLE and all(isinstance(item, str) for item in value):
            return " ".join(value)
    return None
