"""The guard: read a call's token, check it, and refuse what the route does not allow."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from curfew_rp.resource_server.access import Access, InvalidProof, InvalidToken, NonceNeeded, Refused
from curfew_rp.resource_server.dpop import ProofOf, ProofOfPossession
from curfew_rp.signed_token import ALGORITHMS

_TOKEN_SIZE_LIMIT = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The input of the guard: `url` as the client called it, and every value of repeated headers."""

    method: str
    url: str
    authorization: Sequence[str] = field(repr=False)
    dpop: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """The requirements of a route: all of the scopes, one of the `acr` values, a recent enough sign-in."""

    scopes: frozenset[str] = frozenset()
    acr_values: tuple[str, ...] = ()
    max_age: timedelta | None = None

    @classmethod
    def of(
        cls, scopes: Iterable[str] = (), acr_values: Iterable[str] = (), max_age: timedelta | None = None
    ) -> "Requirements":
        """Return requirements from any iterables."""
        return cls(scopes=frozenset(scopes), acr_values=tuple(acr_values), max_age=max_age)


class Mode(Protocol):
    """A way to check tokens: `Introspection` or `SignedTokens`."""

    @property
    def description(self) -> str:
        """Describe the freshness of the results."""

    def look_at(self, token: str) -> Access:
        """Return the access of a token; raises InvalidToken or CannotTell."""


class ResourceServer:
    """Guards an API in one freshness mode.

    With `dpop`, tokens that are bound to a key are accepted with a proof; with `requires_dpop`, only these
    are. A bound token is never accepted as a bearer token, and a token that is bound to a certificate is not
    accepted at all.
    """

    def __init__(
        self, mode: Mode, *, dpop: ProofOfPossession | None = None, requires_dpop: bool = False
    ) -> None:
        if requires_dpop and dpop is None:
            raise ValueError("requires_dpop needs dpop")
        self.mode = mode
        self._dpop = dpop
        self._requires_dpop = requires_dpop

    def check(self, call: Call, required: Requirements = Requirements()) -> Access:
        """Return the access of a call; raises Refused, or CannotTell, which must be answered with 503."""
        scheme, token = self._credentials(call)
        try:
            access = self.mode.look_at(token)
            self._check_possession(scheme, token, access, call)
        except InvalidToken as exc:
            raise self._refused_token(scheme, exc) from exc
        self._check_scopes(scheme, access, required)
        self._check_step_up(scheme, access, required)
        return access

    def headers(self, access: Access) -> dict[str, str]:
        """Return headers for the response to an admitted call: freshness, and the next DPoP nonce."""
        nonce = self._dpop.new_nonce() if self._dpop and access.jkt else None
        return {
            "Token-Freshness": access.freshness.as_header(),
            **({"DPoP-Nonce": nonce} if nonce else {}),
        }

    def _credentials(self, call: Call) -> tuple[str, str]:
        """rfc6750 §2.1, rfc9449 §7.1: one token, in the header; without it there is no error code (§3.1)."""
        if not call.authorization:
            raise Refused(401, self._challenges(), "there is no access token")
        scheme, _, token = call.authorization[0].partition(" ")
        token = token.strip()
        named = {"bearer": "Bearer", "dpop": "DPoP"}.get(scheme.lower())
        if len(call.authorization) > 1 or not named or not token.isprintable() or not token or " " in token:
            raise Refused(
                400, [_challenge("Bearer", error="invalid_request")], "there must be one access token"
            )
        if not token.isascii() or len(token) > _TOKEN_SIZE_LIMIT:
            raise self._refused_token(named, InvalidToken("this is not an access token"))
        return named, token

    def _check_possession(self, scheme: str, token: str, access: Access, call: Call) -> None:
        cnf = access.claims.get("cnf")
        if cnf is not None and (not isinstance(cnf, Mapping) or cnf.keys() != {"jkt"} or not access.jkt):
            raise InvalidToken("the token is bound in a way that this API does not check")
        if scheme == "DPoP" and (self._dpop is None or not access.jkt):
            raise InvalidToken("the token is not bound to a key, or this API does not check DPoP")
        if scheme == "Bearer" and (access.jkt or self._requires_dpop):
            # rfc9449 §7.2: a bound token must not be accepted without its proof.
            raise InvalidToken("the token must be sent with DPoP")
        if self._dpop and access.jkt:
            proof_of = ProofOf(method=call.method, url=call.url, token=token, jkt=access.jkt)
            self._dpop.check(call.dpop, proof_of)

    def _refused_token(self, scheme: str, problem: InvalidToken) -> Refused:
        """rfc6750 §3.1; rfc9449 §7.1 and §9 for proofs."""
        error = "invalid_token"
        if isinstance(problem, InvalidProof):
            error = "invalid_dpop_proof"
        if isinstance(problem, NonceNeeded):
            error = "use_dpop_nonce"
        nonce = self._dpop.new_nonce() if self._dpop and scheme == "DPoP" else None
        challenges = self._challenges(scheme, error=error, error_description=str(problem))
        return Refused(401, challenges, str(problem), {"DPoP-Nonce": nonce} if nonce else None)

    def _check_scopes(self, scheme: str, access: Access, required: Requirements) -> None:
        if required.scopes <= access.scopes:
            return
        needed = " ".join(sorted(required.scopes))
        challenge = _challenge(scheme, error="insufficient_scope", scope=needed)
        raise Refused(403, [challenge], f"the token lacks a scope of: {needed}")

    def _check_step_up(self, scheme: str, access: Access, required: Requirements) -> None:
        """rfc9470 §3: state the required sign-in, so that the app can ask the person for it."""
        asked: dict[str, str] = {}
        if required.acr_values and access.acr not in required.acr_values:
            asked["acr_values"] = " ".join(required.acr_values)
        if required.max_age is not None and not _is_recent(access, required.max_age):
            asked["max_age"] = f"{required.max_age.total_seconds():.0f}"
        if asked:
            description = "a different or more recent sign-in is needed"
            challenge = _challenge(
                scheme, error="insufficient_user_authentication", error_description=description, **asked
            )
            raise Refused(401, [challenge], description)

    def _challenges(self, scheme: str | None = None, **parameters: str) -> list[str]:
        """rfc9449 §7.1: every accepted scheme; the error is given with the scheme that was used."""
        offered = ["DPoP"] if self._requires_dpop else ["Bearer", "DPoP"] if self._dpop else ["Bearer"]
        return [
            _challenge(
                name,
                **(parameters if scheme in (name, None) else {}),
                **({"algs": " ".join(ALGORITHMS)} if name == "DPoP" else {}),
            )
            for name in offered
        ]


def _is_recent(access: Access, max_age: timedelta) -> bool:
    return access.auth_time is not None and time.time() - access.auth_time <= max_age.total_seconds()


def _challenge(scheme: str, **parameters: str) -> str:
    """Write a challenge; all values come from this module and need no escaping."""
    written = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return f"{scheme} {written}".strip()
