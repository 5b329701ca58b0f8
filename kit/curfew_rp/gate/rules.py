"""The rules: which requests need a sign-in, and which sign-ins may make them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from curfew_rp.gate.addresses import plain_path


class Access(Enum):
    """The requirement for a request: a sign-in to which people are sent, an existing one, or none."""

    SIGN_IN = "sign-in"
    API = "api"
    PUBLIC = "public"


class Verdict(Enum):
    """The decision on a request: allowed, sent to sign in, sent to sign in more strongly, or forbidden."""

    ALLOW = "allow"
    SIGN_IN = "sign in"
    STEP_UP = "step up"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that rules need about the person who is signed in."""

    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    acr: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; empty collections impose no condition.

    `path` matches exactly, or everything below it if it ends with a slash. The person needs one of the
    groups, all of the scopes, one of the acr values, and one of the values of each claim.
    """

    path: str = "/"
    hosts: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    access: Access = Access.SIGN_IN
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    acr_values: tuple[str, ...] = ()
    claims: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def covers(self, host: str, method: str, path: str) -> bool:
        """Return whether this rule applies to the request."""
        return self._has(host, method) and (
            path.startswith(self.path) if self.path.endswith("/") else path == self.path
        )

    def nearly_covers(self, host: str, method: str, path: str) -> bool:
        """The same for an app that ignores case or a trailing slash."""
        mine, asked = self.path.casefold(), path.casefold()
        return self._has(host, method) and (
            asked.startswith(mine) or asked.rstrip("/") == mine.rstrip("/")
            if mine.endswith("/")
            else asked.rstrip("/") == mine
        )

    def is_of(self, host: str) -> bool:
        """Return whether the rule applies to this host."""
        return not self.hosts or host in self.hosts

    def admits(self, facts: Facts) -> bool:
        """Return whether the person is admitted, apart from the strength of the sign-in."""
        return (
            (not self.groups or bool(self.groups & facts.groups))
            and self.scopes <= facts.scopes
            and all(allowed & _texts(facts.claims.get(claim)) for claim, allowed in self.claims.items())
        )

    def _has(self, host: str, method: str) -> bool:
        asked = "GET" if method == "HEAD" else method
        return self.is_of(host) and (not self.methods or asked in self.methods)


DEFAULT = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The rules that a request must satisfy, all of them, and the kind of response if it does not."""

    access: Access
    rules: tuple[Rule, ...]

    def judge(self, facts: Facts | None) -> Verdict:
        """Decide on a request; `facts` is None if the person is not signed in."""
        if self.access is Access.PUBLIC:
            return Verdict.ALLOW
        if facts is None:
            return Verdict.SIGN_IN
        if not all(rule.admits(facts) for rule in self.rules):
            return Verdict.FORBID
        is_strong = all(not rule.acr_values or facts.acr in rule.acr_values for rule in self.rules)
        return Verdict.ALLOW if is_strong else Verdict.STEP_UP

    @property
    def acr_values(self) -> str | None:
        """The parameter for the provider (core §3.1.2.1); None if any sign-in is sufficient."""
        return " ".join(dict.fromkeys(acr for rule in self.rules for acr in rule.acr_values)) or None


def rules_for(rules: Iterable[Rule], *, host: str, method: str, uri: str) -> Applied:
    """Return the rules that apply to a request (KIT-06).

    The first rule that covers it applies. If an app that ignores case or a trailing slash could take the path
    for that of another rule, that rule applies as well. For a path that servers read in different ways, all
    rules apply.
    """
    of_host = [rule for rule in rules if rule.is_of(host)]
    path = plain_path(uri)
    if path is None:
        return Applied(access=Access.SIGN_IN, rules=_not_public(of_host))
    exact = next((rule for rule in of_host if rule.covers(host, method, path)), DEFAULT)
    near = next((rule for rule in of_host if rule.nearly_covers(host, method, path)), DEFAULT)
    if exact is near:
        return Applied(access=exact.access, rules=(exact,))
    access = Access.SIGN_IN if exact.access is Access.PUBLIC else exact.access
    return Applied(access=access, rules=_not_public((exact, near)))


def _not_public(rules: Collection[Rule]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.access is not Access.PUBLIC)


def _texts(value: object) -> frozenset[str]:
    """Return the value or values of a claim as text."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    return frozenset(
        str(one).lower() if isinstance(one, bool) else str(one)
        for one in values
        if isinstance(one, str | int)
    )
