"""Validate a Logout Token: every step of backchannel §2.6, in the order of `STEPS`.

Nothing here ends a session; the result is the claims, or the error of the step that failed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from curfew_rp import errors
from curfew_rp.errors import InvalidLogoutToken
from curfew_rp.signed_token import read_header, verified_payload
from curfew_rp.strict_json import is_identifier, is_numeric_date, read_object

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SIZE_LIMIT = 8 * 1024
_PARTS_OF_AN_ENCRYPTED_TOKEN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """The values that a Logout Token is checked against; instants and spans are seconds.

    `find_keys` returns the provider's keys for a `kid` and may raise ProviderUnreachable. `is_used` returns
    whether a `jti` was accepted before, and `is_other_subject` whether `sid` is known for another `sub`; both
    may raise StoreUnavailable.
    """

    issuer: str
    client_id: str
    algorithms: frozenset[str]
    now: float
    leeway: float
    longest_life: float
    requires_typ: bool
    find_keys: Callable[[str | None], list[Mapping[str, Any]]]
    is_used: Callable[[str], bool]
    is_other_subject: Callable[[str, str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutClaims:
    """The relevant verified claims: the person or session, and the instants in seconds."""

    iss: str
    sub: str | None
    sid: str | None
    jti: str
    iat: float
    exp: float


@dataclass(slots=True)
class _Candidate:
    """A token on its way through the steps; its claims are unverified until the last one."""

    token: str = field(repr=False)
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)


def validate(token: str, expected: Expectations) -> LogoutClaims:
    """Return the claims of a Logout Token that passed every step.

    Raises the InvalidLogoutToken of the first step that fails, or CannotTell.
    """
    candidate = _Candidate(token)
    for step in STEPS:
        step(candidate, expected)
    said = candidate.claims
    return LogoutClaims(
        iss=said["iss"],
        sub=said.get("sub"),
        sid=said.get("sid"),
        jti=said["jti"],
        iat=said["iat"],
        exp=said["exp"],
    )


def _require(condition: bool, error: type[InvalidLogoutToken], description: str) -> None:
    if not condition:
        raise error(description)


def _size_is_bounded(it: _Candidate, _: Expectations) -> None:
    _require(len(it.token) <= TOKEN_SIZE_LIMIT, errors.TokenTooLarge, "the token is too large")


def _is_signed_jwt(it: _Candidate, _: Expectations) -> None:
    """Step 1: encryption was not registered, so the token must be a plain JWS."""
    encrypted = it.token.count(".") == _PARTS_OF_AN_ENCRYPTED_TOKEN - 1
    _require(not encrypted, errors.TokenEncrypted, "encryption was not registered")
    try:
        it.header = read_header(it.token)
    except ValueError as exc:
        raise errors.NotAJWT("the token is not a signed JWT") from exc


def _typ_is_logout_jwt(it: _Candidate, expected: Expectations) -> None:
    """backchannel §2.4 recommends explicit typing; an absent typ is accepted unless the app requires it."""
    typ = it.header.get("typ")
    if typ is None and not expected.requires_typ:
        return
    is_logout = isinstance(typ, str) and typ.lower().removeprefix("application/") == "logout+jwt"
    _require(is_logout, errors.WrongTyp, "typ is not logout+jwt")


def _no_unknown_crit(it: _Candidate, _: Expectations) -> None:
    _require(
        "crit" not in it.header,
        errors.UnknownCriticalHeader,
        "crit names an extension that is not understood",
    )


def _alg_is_allowed(it: _Candidate, expected: Expectations) -> None:
    """Step 3, before step 2: the token must not choose how its own signature is verified."""
    alg = it.header.get("alg")
    allowed = isinstance(alg, str) and alg in expected.algorithms
    _require(
        allowed, errors.AlgorithmNotAllowed, f"alg is not one of {', '.join(sorted(expected.algorithms))}"
    )


def _signature_is_the_providers(it: _Candidate, expected: Expectations) -> None:
    """Step 2: the signature verifies with a key at the provider's jwks_uri."""
    keys = expected.find_keys(it.header.get("kid"))
    _require(bool(keys), errors.UnknownKey, "the provider has no key with this kid")
    body = verified_payload(it.token, keys, it.header["alg"])
    if body is None:
        raise errors.BadSignature("the signature is not the provider's")
    try:
        it.claims = read_object(body)
    except ValueError as exc:
        raise errors.NotAJWT(f"the payload is not a JSON object: {exc}") from exc


def _iss_is_the_provider(it: _Candidate, expected: Expectations) -> None:
    """Steps 4 and 9: exactly the issuer whose ID Tokens this app accepts."""
    _require(
        it.claims.get("iss") == expected.issuer, errors.WrongIssuer, "iss is not the provider of this app"
    )


def _aud_is_this_client_alone(it: _Candidate, expected: Expectations) -> None:
    """Step 4: a token with further audiences could have been passed on by one of them."""
    accepted = it.claims.get("aud") in (expected.client_id, [expected.client_id])
    _require(accepted, errors.WrongAudience, "aud is not this client alone")


def _iat_is_not_in_the_future(it: _Candidate, expected: Expectations) -> None:
    iat = it.claims.get("iat")
    if not is_numeric_date(iat):
        raise errors.IssuedInTheFuture("iat is missing or not a number")
    _require(iat <= expected.now + expected.leeway, errors.IssuedInTheFuture, "iat is in the future")


def _exp_has_not_passed(it: _Candidate, expected: Expectations) -> None:
    """Step 4: exp is required since errata set 1."""
    exp = it.claims.get("exp")
    if not is_numeric_date(exp):
        raise errors.TokenExpired("exp is missing or not a number")
    _require(exp > expected.now - expected.leeway, errors.TokenExpired, "the token has expired")


def _nbf_has_come(it: _Candidate, expected: Expectations) -> None:
    nbf = it.claims.get("nbf", 0)
    has_come = is_numeric_date(nbf) and nbf <= expected.now + expected.leeway
    _require(has_come, errors.NotYetValid, "nbf is not a number or in the future")


def _life_is_short(it: _Candidate, expected: Expectations) -> None:
    """backchannel §4: the jti of a long-lived token would have to be remembered for a long time."""
    life = it.claims["exp"] - it.claims["iat"]
    _require(
        0 < life <= expected.longest_life,
        errors.LivesTooLong,
        f"exp must be after iat by at most {expected.longest_life:g} seconds",
    )


def _jti_is_present(it: _Candidate, _: Expectations) -> None:
    _require(is_identifier(it.claims.get("jti")), errors.MissingJTI, "jti is missing or not a short text")


def _names_a_session(it: _Candidate, _: Expectations) -> None:
    """Step 5: sub or sid or both; a claim that is present must be well-formed."""
    named = [it.claims[claim] for claim in ("sub", "sid") if claim in it.claims]
    _require(bool(named), errors.NamesNoSession, "neither sub nor sid is present")
    _require(all(map(is_identifier, named)), errors.NamesNoSession, "sub or sid is not a short text")


def _events_name_the_logout(it: _Candidate, _: Expectations) -> None:
    """Step 6."""
    events = it.claims.get("events")
    is_logout = isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict)
    _require(is_logout, errors.NotALogoutEvent, "events has no back-channel logout member that is an object")


def _nonce_is_absent(it: _Candidate, _: Expectations) -> None:
    """Step 7."""
    _require("nonce" not in it.claims, errors.NonceProhibited, "a Logout Token must not have a nonce")


def _jti_is_new(it: _Candidate, expected: Expectations) -> None:
    """Step 8."""
    used = expected.is_used(it.claims["jti"])
    _require(not used, errors.TokenReplayed, "a token with this jti was accepted before")


def _sub_fits_sid(it: _Candidate, expected: Expectations) -> None:
    """Steps 10 and 11; an unknown sid is accepted, because it may have been signed out before."""
    if "sub" in it.claims and "sid" in it.claims:
        other = expected.is_other_subject(it.claims["sub"], it.claims["sid"])
        _require(not other, errors.SubjectMismatch, "sid names a session of another sub")


STEPS: tuple[Callable[[_Candidate, Expectations], None], ...] = (
    _size_is_bounded,
    _is_signed_jwt,
    _typ_is_logout_jwt,
    _no_unknown_crit,
    _alg_is_allowed,
    _signature_is_the_providers,
    _iss_is_the_provider,
    _aud_is_this_client_alone,
    _iat_is_not_in_the_future,
    _exp_has_not_passed,
    _nbf_has_come,
    _life_is_short,
    _jti_is_present,
    _names_a_session,
    _events_name_the_logout,
    _nonce_is_absent,
    _jti_is_new,
    _sub_fits_sid,
)
