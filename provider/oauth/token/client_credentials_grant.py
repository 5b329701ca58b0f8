"""A client's token for itself (rfc6749 §4.4)."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from provider.oauth.client_proof.authentication import CONFIDENTIAL_METHODS
from provider.oauth.token.response import token_response
from provider.oauth.token.terms import read_terms
from provider.protocol.scopes import ADMIN_SCOPES, PERSONAL_SCOPES
from provider.tokens import access


class ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib ships no types.
    """One request; rfc6749 §4.4: 'MUST only be used by confidential clients'."""

    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL_METHODS

    def validate_requested_scope(self) -> None:
        """Allow the scopes that the client registered, except those about a person: no person is involved."""
        asked = self.request.payload.scope
        withheld = {*PERSONAL_SCOPES, *(() if self.client.client.may_administer else ADMIN_SCOPES)}
        allowed = [s for s in self.client.metadata.scope.split() if s not in withheld]
        wanted = list(dict.fromkeys(asked.split())) if asked else allowed
        if not set(wanted) <= set(allowed):
            raise InvalidScopeError("this scope is not available to the client with client_credentials")
        self.request.scope = " ".join(wanted)

    def create_token_response(self) -> tuple[int, dict[str, Any], object]:
        """Issue an access token; rfc6749 §4.4.3: 'A refresh token SHOULD NOT be included.'"""
        client = self.client.client
        terms = read_terms(self.request.asked, client, scope=self.request.scope)
        handle, token = access.issue_for_client(
            client,
            scope=self.request.scope,
            resources=terms.resources,
            cnf=terms.cnf,
            not_after=self.client.proven_until,
        )
        return 200, token_response(handle, token), self.TOKEN_RESPONSE_HEADER
