"""The audience, scope and key binding of the tokens of one request."""

from collections.abc import Collection
from dataclasses import dataclass

from provider.clients import resources
from provider.clients.models import Client, Resource
from provider.infrastructure import current
from provider.oauth.client_proof import dpop
from provider.oauth.client_proof.client_request import ClientRequest
from provider.protocol.errors import InvalidGrant, InvalidRequest, InvalidTarget
from provider.protocol.resource_indicator import read_resources
from provider.tokens import access

JKT, X5T = "jkt", "x5t#S256"


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """The resource servers that an access token is meant for, and the key its holder must prove to have."""

    resources: tuple[Resource, ...] = ()
    cnf: dict[str, str] | None = None

    def cnf_of_refresh_token(self, client: Client) -> dict[str, str] | None:
        """Return the key binding of a refresh token; a confidential client's is bound by its authentication.

        rfc9449 §5: 'refresh tokens issued to public clients MUST be bound'; rfc8705 §4 says the same.
        """
        return self.cnf if client.metadata_.is_public else None


def read_terms(
    asked: ClientRequest,
    client: Client,
    *,
    authorized: Collection[str] | None = None,
    scope: str | None = None,
) -> TokenTerms:
    """Return the terms of a token request; a proof that it brings is used up.

    `authorized` are the resources among which it may choose, None for any; `scope` is the scope it may have,
    None if the operator has chosen the audience. The caller has a transaction open. Raises InvalidTarget,
    InvalidDPoPProof, UseDPoPNonce or InvalidRequest.
    """
    named = read_resources(asked.parameters)
    # Our own addresses need no permission of their own: what they give is decided only by the scopes.
    if authorized is not None and not {*named} <= {*authorized, current.settings().issuer}:
        raise InvalidTarget("a resource was not requested at the authorization endpoint")
    targets = targets_for(client, named or authorized or (), scope=scope)
    return TokenTerms(resources=targets, cnf=_binding(asked, client))


def targets_for(client: Client, named: Collection[str], *, scope: str | None) -> tuple[Resource, ...]:
    """Return the resource servers of one token of a client, which may have this scope. Raises InvalidTarget.

    Checked before anything is used up, because resources that cannot share one token make the request
    invalid.
    """
    targets = resources.check(named)
    access.form_of(client, targets)
    if scope is not None and not client.first_party:
        _check_invited(targets, scope)
    return targets


def check_key(bound_to: dict[str, str] | None, terms: TokenTerms) -> None:
    """Refuse a request without proof of the key that a code or refresh token is bound to."""
    proven = terms.cnf or {}
    if any(proven.get(name) != value for name, value in (bound_to or {}).items()):
        raise InvalidGrant("this was issued for a different key")


def _check_invited(targets: Collection[Resource], scope: str) -> None:
    """Refuse a third-party client a token for a resource server that accepts none of its scopes.

    The person agreed to scopes; a server that knows none of them might still accept every token that names
    it, and no page has shown that to the person.
    """
    own = current.settings().issuer
    if any(not {*scope.split()} & {*one.scopes.split()} for one in targets if one.identifier != own):
        raise InvalidTarget("the resource accepts none of the client's scopes")


def _binding(asked: ClientRequest, client: Client) -> dict[str, str] | None:
    metadata, bound = client.metadata_, {}
    jkt = dpop.thumbprint_of(asked)
    if jkt is not None:
        bound[JKT] = jkt
    elif metadata.dpop_bound_access_tokens:
        raise InvalidRequest("this client's tokens are bound to a key, but the DPoP proof is missing")
    if metadata.tls_client_certificate_bound_access_tokens:
        if asked.certificate_thumbprint is None:
            raise InvalidRequest(
                "this client's tokens are bound to its certificate, but no certificate was presented"
            )
        bound[X5T] = asked.certificate_thumbprint
    return bound or None
