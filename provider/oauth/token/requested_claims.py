"""Individual claims that were requested and allowed, in addition to those of scopes (core §5.5)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.accounts.claims import claims_of
from provider.accounts.models import Account
from provider.clients.models import Client, IDTokenClaims
from provider.protocol.claims_request import ClaimsRequest
from provider.protocol.scopes import names_for, pick

_USERINFO, _ID_TOKEN = "userinfo", "id_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedClaims:
    """The claims requested with a code or refresh token, and their current values for the person."""

    stored: dict[str, list[str]]
    in_id_token: dict[str, Any] = field(repr=False)

    @property
    def in_userinfo(self) -> list[str]:
        """The names of those that the UserInfo Endpoint returns."""
        return self.stored.get(_USERINFO, [])


def requested_claims(
    stored: Mapping[str, list[str]] | None, account: Account, client: Client, scope: str
) -> RequestedClaims | None:
    """Return the claims about a person under a scope; None if there are none beyond `sub`."""
    names = {*(stored or {}).get(_ID_TOKEN, ()), *scope_claims(client, scope.split())}
    if not stored and not names:
        return None
    return RequestedClaims(stored=dict(stored or {}), in_id_token=pick(names, claims_of(account)))


def scope_claims(client: Client, scopes: Collection[str]) -> frozenset[str]:
    """Return the claims of these scopes, if the client is to find them in its ID Tokens.

    core §5.4 has the UserInfo Endpoint answer them; many apps read nothing but the ID Token.
    """
    return names_for(scopes) if client.id_token_claims == IDTokenClaims.SCOPES else frozenset()


def to_store(asked: ClaimsRequest, allowed: Collection[str]) -> dict[str, list[str]]:
    """Return what is stored with a code: the allowed claims, grouped by where they were requested."""
    wanted = {_USERINFO: asked.userinfo, _ID_TOKEN: asked.id_token}
    named = {place: sorted(set(members) & set(allowed)) for place, members in wanted.items()}
    return {place: names for place, names in named.items() if names}
