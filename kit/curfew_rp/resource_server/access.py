"""The access of a call, and the reasons for a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from curfew_rp.strict_json import is_numeric_date

# The headers of a 503, when it is unknown whether the token is valid.
TRY_AGAIN = {"Retry-After": "10", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The age of the knowledge that a token is valid; all spans are seconds.

    `age` is the time since the provider's statement. `stale_for_at_most` is how long a revoked token may be
    accepted in this mode if no Logout Token arrives; `last_heard_at` is when the last one arrived, in modes
    that depend on them.
    """

    mode: str
    age: float
    stale_for_at_most: float
    last_heard_at: float | None = None

    def as_header(self) -> str:
        """Return the value of the header `Token-Freshness`, which helps people to explain a response."""
        heard = "" if self.last_heard_at is None else f"; last-heard={self.last_heard_at:.0f}"
        return f"{self.mode}; age={self.age:.1f}; stale-for-at-most={self.stale_for_at_most:.1f}{heard}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The verified facts of an access token; instants are seconds."""

    sub: str | None
    client_id: str | None
    sid: str | None
    scopes: frozenset[str]
    acr: str | None
    auth_time: float | None
    jkt: str | None
    claims: Mapping[str, Any] = field(repr=False)
    freshness: Freshness

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], freshness: Freshness) -> "Access":
        """Return the access described by the claims of an introspection response or a signed token."""
        scope, cnf = claims.get("scope"), claims.get("cnf")
        return cls(
            sub=_text(claims.get("sub")),
            client_id=_text(claims.get("client_id")),
            sid=_text(claims.get("sid")),
            scopes=frozenset(scope.split()) if isinstance(scope, str) else frozenset(),
            acr=_text(claims.get("acr")),
            auth_time=_number(claims.get("auth_time")),
            jkt=_text(cnf.get("jkt")) if isinstance(cnf, Mapping) else None,
            claims=claims,
            freshness=freshness,
        )


class Refused(Exception):
    """A call is refused, with a status and with headers that tell the client what to do."""

    def __init__(
        self, status: int, challenges: list[str], description: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.challenges = challenges
        self.headers = {"Cache-Control": "no-store", **(headers or {})}

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """All headers, with one `WWW-Authenticate` for each scheme."""
        return [*self.headers.items(), *(("WWW-Authenticate", challenge) for challenge in self.challenges)]


class InvalidToken(Exception):
    """A token or its proof is not accepted; the guard turns this into a refusal."""


class InvalidProof(InvalidToken):
    """A DPoP proof is not accepted (rfc9449 §4.3)."""


class NonceNeeded(InvalidToken):
    """A DPoP proof has no nonce of this API, or an old one (rfc9449 §9)."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    return float(value) if is_numeric_date(value) else None
