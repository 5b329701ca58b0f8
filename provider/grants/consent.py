"""A person's consent: exactly what the consent page named."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from provider.grants.models import Grant
from provider.protocol.scopes import STANDARD_SCOPES, names_for

# The key of scopes that were requested without a resource server.
ANYWHERE = ""


class Consent(NamedTuple):
    """Scopes, each with the resource server that it was named with, and single claims."""

    scopes: frozenset[tuple[str, str]] = frozenset()
    claims: frozenset[str] = frozenset()

    @classmethod
    def to(
        cls, scopes: Collection[str], *, resources: Collection[str] = (), claims: Iterable[str] = ()
    ) -> "Consent":
        """Return the consent to one request."""
        named = resources or (ANYWHERE,)
        return cls(frozenset((where, scope) for where in named for scope in scopes), frozenset(claims))

    def covers(
        self, scopes: Collection[str], claims: Iterable[str], *, resources: Collection[str] = ()
    ) -> bool:
        """Return whether the person need not be asked about these; a scope includes all its claims.

        Consent to one resource server says nothing about another. A token for none in particular is accepted
        by several, so it needs consent without a resource server, except for the scopes about the person,
        which this provider serves itself.
        """
        agreed = {scope for _, scope in self.scopes}
        if resources:
            wanted = Consent.to(scopes, resources=resources).scopes
        else:
            own = agreed.intersection(STANDARD_SCOPES)
            wanted = Consent.to([scope for scope in scopes if scope not in own]).scopes
        return self.scopes >= wanted and (self.claims | names_for(agreed)).issuperset(claims)

    def to_store(self) -> dict[str, list[str]]:
        """Return the scopes in the form in which they are stored."""
        found: dict[str, list[str]] = {}
        for where, scope in sorted(self.scopes):
            found.setdefault(where, []).append(scope)
        return found


def consent_of(grant: Grant | None) -> Consent:
    """Return what the person has agreed to in one grant; a grant made without asking proves no consent."""
    if grant is None or not grant.consented:
        return Consent()
    return read_consent(grant.scope, grant.consented_to, grant.claims)


def read_consent(
    scope: str, consented_to: Mapping[str, Collection[str]] | None, claims: Iterable[str] | None
) -> Consent:
    """Return the consent recorded in the columns of a consented grant."""
    if consented_to is None:
        consented_to = {ANYWHERE: scope.split()}
    scopes = frozenset((where, one) for where, named in consented_to.items() for one in named)
    return Consent(scopes, frozenset(claims or ()))
