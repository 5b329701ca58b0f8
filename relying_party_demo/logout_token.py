"""Is this Logout Token to be believed? Every step of backchannel §2.6, small, named and in order.

Nothing here ends a session: the answer is the claims, or the step that failed. The steps stand in `STEPS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

import jwt

from relying_party_demo.strict_json import is_numeric_date, read_object

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SIZE_LIMIT = 8 * 1024
IDENTIFIER_SIZE_LIMIT = 255
LEEWAY_SECONDS = 60
# backchannel §4 recommends two minutes at most; five leave room for providers that are a little generous.
LONGEST_LIFE_SECONDS = 300

LogoutClaims = NewType("LogoutClaims", dict[str, Any])


class InvalidLogoutToken(Exception):
    """A Logout Token failed a step; the description helps whoever wrote the provider."""

    def __init__(self, step: str, description: str) -> None:
        super().__init__(f"{step}: {description}")
        self.step = step
        self.description = description


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What a Logout Token is held against."""

    issuer: str
    client_id: str
    alg: str
    now: float
    find_keys: Callable[[str | None], list[Mapping[str, Any]]]
    has_heard: Callable[[str, str], bool]
    find_sub_of_sid: Callable[[str, str], str | None]


@dataclass(slots=True)
class Candidate:
    """A token on its way through the steps; its claims are unverified until the last one."""

    token: str = field(repr=False)
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)


class Wrong(Exception):
    """Raised by a step, which need not know its own name."""


def require(condition: bool, otherwise: str) -> None:
    """Fail the step unless the condition holds."""
    if not condition:
        raise Wrong(otherwise)


def size_is_bearable(it: Candidate, _: Expectations) -> None:
    """Refuse what no provider would send before anything parses it."""
    require(len(it.token) <= TOKEN_SIZE_LIMIT, "the token is too large")


def token_is_a_signed_jwt(it: Candidate, _: Expectations) -> None:
    """Step 1: no encryption was registered, so the token must be a plain JWS."""
    require(it.token.count(".") != 4, "the token is encrypted, which was not registered")
    try:
        # Read by hand, because PyJWT refuses an unknown crit already here, where it would have no name.
        it.header = read_object(jwt.utils.base64url_decode(it.token.split(".")[0]))
    except ValueError as exc:
        raise Wrong("the token is not a signed JWT") from exc
    require(it.token.count(".") == 2, "the token is not a signed JWT")
    require(isinstance(it.header.get("kid", ""), str), "kid is not a string")


def typ_is_logout_jwt_or_absent(it: Candidate, _: Expectations) -> None:
    """backchannel §2.4 recommends explicit typing; a token typed as something else is something else."""
    typ = it.header.get("typ")
    accepted = isinstance(typ, str) and typ.lower().removeprefix("application/") == "logout+jwt"
    require(typ is None or accepted, "typ is not logout+jwt")


def no_critical_extension_is_unknown(it: Candidate, _: Expectations) -> None:
    """rfc7515 §4.1.11: a crit that we do not understand makes the token invalid, and we understand none."""
    require("crit" not in it.header, "crit names an extension that is not understood")


def alg_is_the_registered_one(it: Candidate, expected: Expectations) -> None:
    """Step 3, before step 2 on purpose: the token must not choose how its own signature is verified."""
    require(it.header.get("alg") == expected.alg, f"alg is not {expected.alg}")


def signature_is_the_providers(it: Candidate, expected: Expectations) -> None:
    """Step 2: the signature verifies with a key from the provider's jwks_uri."""
    kid = it.header.get("kid")
    keys = expected.find_keys(kid)
    require(bool(keys), "kid names no key of the provider")
    it.claims = _object_from(
        next((body for key in keys if (body := _verified_body(it, key, expected.alg))), None)
    )


def iss_is_the_provider(it: Candidate, expected: Expectations) -> None:
    """Steps 4 and 9: the issuer is, character by character, the one whose ID Tokens we accept."""
    require(it.claims.get("iss") == expected.issuer, "iss is not the provider of this app")


def aud_is_this_client_alone(it: Candidate, expected: Expectations) -> None:
    """Step 4: a token for others too could have been sent on by one of them."""
    require(
        it.claims.get("aud") in (expected.client_id, [expected.client_id]), "aud is not this client alone"
    )


def iat_is_not_in_the_future(it: Candidate, expected: Expectations) -> None:
    """Step 4: issued by now, within the leeway for clocks."""
    iat = it.claims.get("iat")
    require(is_numeric_date(iat), "iat is missing or not a number")
    require(it.claims["iat"] <= expected.now + LEEWAY_SECONDS, "iat is in the future")


def exp_has_not_passed(it: Candidate, expected: Expectations) -> None:
    """Step 4: exp is required since errata set 1."""
    exp = it.claims.get("exp")
    require(is_numeric_date(exp), "exp is missing or not a number")
    require(it.claims["exp"] > expected.now - LEEWAY_SECONDS, "the token has expired")


def nbf_has_come_if_present(it: Candidate, expected: Expectations) -> None:
    """rfc7519 §4.1.5: before nbf the token must not be accepted."""
    nbf = it.claims.get("nbf", 0)
    require(is_numeric_date(nbf) and nbf <= expected.now + LEEWAY_SECONDS, "nbf has not come")


def life_is_short(it: Candidate, _: Expectations) -> None:
    """backchannel §4: a long life would ask us to remember its jti for long."""
    life = it.claims["exp"] - it.claims["iat"]
    require(0 < life <= LONGEST_LIFE_SECONDS, f"the token lives longer than {LONGEST_LIFE_SECONDS} seconds")


def jti_is_present(it: Candidate, _: Expectations) -> None:
    """backchannel §2.4: jti is required."""
    require(_is_identifier(it.claims.get("jti")), "jti is missing or not a short string")


def sub_or_sid_is_present(it: Candidate, _: Expectations) -> None:
    """Step 5: the token says whom or which session it is about; what is present is well-formed."""
    named = [it.claims[claim] for claim in ("sub", "sid") if claim in it.claims]
    require(bool(named), "neither sub nor sid is present")
    require(all(_is_identifier(value) for value in named), "sub or sid is not a short string")


def events_name_the_logout(it: Candidate, _: Expectations) -> None:
    """Step 6: events is an object that has the logout member, whose value is an object."""
    events = it.claims.get("events")
    require(
        isinstance(events, dict) and LOGOUT_EVENT in events, "events does not name the back-channel logout"
    )
    require(
        isinstance(it.claims["events"][LOGOUT_EVENT], dict), "the value of the logout event is not an object"
    )


def nonce_is_absent(it: Candidate, _: Expectations) -> None:
    """Step 7: a token with a nonce could be an ID Token."""
    require("nonce" not in it.claims, "a Logout Token has no nonce")


def jti_is_new(it: Candidate, expected: Expectations) -> None:
    """Step 8: the same token does not count twice."""
    require(
        not expected.has_heard(it.claims["iss"], it.claims["jti"]),
        "a token with this jti was accepted before",
    )


def sub_fits_the_session(it: Candidate, expected: Expectations) -> None:
    """Steps 10 and 11: a sid that we know is a session of this sub; an unknown one was signed out before."""
    if "sub" in it.claims and "sid" in it.claims:
        sub = expected.find_sub_of_sid(it.claims["iss"], it.claims["sid"])
        require(sub in (None, it.claims["sub"]), "sid names a session of another sub")


STEPS: tuple[Callable[[Candidate, Expectations], None], ...] = (
    size_is_bearable,
    token_is_a_signed_jwt,
    typ_is_logout_jwt_or_absent,
    no_critical_extension_is_unknown,
    alg_is_the_registered_one,
    signature_is_the_providers,
    iss_is_the_provider,
    aud_is_this_client_alone,
    iat_is_not_in_the_future,
    exp_has_not_passed,
    nbf_has_come_if_present,
    life_is_short,
    jti_is_present,
    sub_or_sid_is_present,
    events_name_the_logout,
    nonce_is_absent,
    jti_is_new,
    sub_fits_the_session,
)


def validate(token: str, expected: Expectations) -> LogoutClaims:
    """Return the claims of a Logout Token that passed every step, or raise InvalidLogoutToken."""
    candidate = Candidate(token)
    for step in STEPS:
        try:
            step(candidate, expected)
        except Wrong as exc:
            raise InvalidLogoutToken(step.__name__, str(exc)) from exc
    return LogoutClaims(candidate.claims)


def _verified_body(it: Candidate, jwk: Mapping[str, Any], alg: str) -> bytes | None:
    """The payload if this key signed it; a key of another kind simply did not."""
    try:
        key = jwt.PyJWK.from_dict(dict(jwk), algorithm=alg)
        body: bytes = jwt.PyJWS(algorithms=[alg]).decode(it.token, key, algorithms=[alg])
    except (jwt.InvalidTokenError, jwt.PyJWKError, jwt.InvalidKeyError):
        return None
    return body


def _object_from(body: bytes | None) -> dict[str, Any]:
    if body is None:
        raise Wrong("the signature is not the provider's")
    try:
        return read_object(body)
    except ValueError as exc:
        raise Wrong(f"the payload is not a JSON object: {exc}") from exc


def _is_identifier(value: object) -> bool:
    # JSON can hold half a character, which no database takes.
    is_text = isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
    return is_text and 0 < len(str(value)) <= IDENTIFIER_SIZE_LIMIT


def unverified_claims(token: str) -> dict[str, Any]:
    """What a token says of itself, for display only, of a refused token too."""
    try:
        claims = read_object(jwt.utils.base64url_decode(token[:TOKEN_SIZE_LIMIT].split(".")[1]))
    except (IndexError, ValueError):
        return {}
    return {name: claims[name] for name in ("iss", "sid", "sub", "jti", "iat") if name in claims}
