"""The person as the app sees them: the identity headers, and the facts for the rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from curfew_rp.gate.rules import Facts
from curfew_rp.gate.settings import Settings

PREFIX = "X-Auth-Request-"
JWT_HEADER = PREFIX + "JWT"
HEADERS = (*(PREFIX + name for name in ("User", "Sub", "Email", "Name", "Groups")), JWT_HEADER)
_LOWER = PREFIX.lower()
# Twice this size, because the JWT repeats them, fits into the 32 KB that the generated nginx configuration
# allows.
_LONGEST_HEADERS = 8 * 1024
_LONGEST_CLAIMS = 16 * 1024
# All visible characters and the space, except "%", so that decoding is unambiguous.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


class UnfitClaims(Exception):
    """The claims of a person cannot be passed to the app."""


def kept_claims(claims: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return the claims that headers and rules need."""
    wanted = {"name", "email", "email_verified", settings.user_claim, settings.groups_claim, "acr"}
    wanted.update(claim for rule in settings.rules for claim in rule.claims)
    kept = {name: claims[name] for name in sorted(wanted) if claims.get(name) is not None}
    if len(repr(kept)) > _LONGEST_CLAIMS:
        raise UnfitClaims("the claims are larger than 16 KB")
    return kept


def facts_of(claims: Mapping[str, Any], scopes: Iterable[str], settings: Settings) -> Facts:
    """Return the facts about a person that rules need."""
    acr = claims.get("acr")
    return Facts(
        groups=frozenset(_groups(claims, settings)),
        scopes=frozenset(scopes),
        acr=acr if isinstance(acr, str) else None,
        claims=claims,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The facts about the signed-in person that are passed to the app."""

    user: str
    sub: str
    email: str | None
    name: str | None
    groups: list[str]

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The identity headers except the JWT; a header without a value is omitted.

        Values are ASCII: "%" and everything that is not printable ASCII are percent-encoded as UTF-8, and so
        is the comma in groups, which are separated by commas (KIT-08). Different values stay different.
        """
        named = {
            "User": _encoded(self.user),
            "Sub": _encoded(self.sub),
            "Email": _encoded(self.email),
            "Name": _encoded(self.name),
            "Groups": ",".join(_encoded(group).replace(",", "%2C") for group in self.groups),
        }
        return tuple((PREFIX + name, value) for name, value in named.items() if value)


def identity_of(sub: str, claims: Mapping[str, Any], settings: Settings) -> Identity:
    """Return the identity of a person; raises UnfitClaims."""
    name = claims.get("name")
    identity = Identity(
        user=_user(sub, claims, settings),
        sub=sub,
        email=_email(claims, settings),
        name=name if isinstance(name, str) else None,
        groups=_groups(claims, settings),
    )
    if sum(len(name) + len(value) for name, value in identity.headers) > _LONGEST_HEADERS:
        raise UnfitClaims("the groups of this account do not fit into the headers")
    return identity


def is_forged(headers: Iterable[tuple[str, str]]) -> bool:
    """Return whether a client has sent a header that only the gate may set (THR-55).

    Many apps cannot tell `_` from `-` in header names (rfc3875 §4.1.18).
    """
    return any(name.lower().replace("_", "-").startswith(_LOWER) for name, _ in headers)


def _user(sub: str, claims: Mapping[str, Any], settings: Settings) -> str:
    """Return the name of the account; a fallback to another claim could name another person."""
    if settings.user_claim == "sub":
        return sub
    user = claims.get(settings.user_claim)
    if settings.user_claim == "email":
        user = _email(claims, settings)
    if not isinstance(user, str) or not user:
        raise UnfitClaims(f"the provider has sent no usable {settings.user_claim}")
    return user


def _email(claims: Mapping[str, Any], settings: Settings) -> str | None:
    email = claims.get("email")
    is_proven = settings.accept_unverified_email or claims.get("email_verified") is True
    return email if isinstance(email, str) and is_proven else None


def _groups(claims: Mapping[str, Any], settings: Settings) -> list[str]:
    groups = claims.get(settings.groups_claim)
    several = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return [group for group in several if isinstance(group, str) and group]


def _encoded(value: str | None) -> str:
    text = quote(value or "", safe=_PLAIN, errors="surrogatepass")
    # A leading or trailing space would be lost in transit.
    return text if text == text.strip() else text.replace(" ", "%20")
