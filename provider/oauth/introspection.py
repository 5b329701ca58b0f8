"""What a resource server may ask about a token (rfc7662)."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from provider.infrastructure import current
from provider.oauth.client_authentication import CONFIDENTIAL_METHODS
from provider.oauth.registered_client import RegisteredClient
from provider.tokens.liveness import (
    FoundRefreshToken,
    LiveAccessToken,
    find_access_token,
    find_refresh_token,
)
from provider.tokens.refresh import REFRESH_TOKEN_PREFIX

Found = LiveAccessToken | FoundRefreshToken


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # Authlib ships no types.
    """The introspection endpoint.

    Any client that proves itself may ask about an access token, for resource servers are clients
    here and there are no audiences yet; about a refresh token only its own client may ask.
    """

    CLIENT_AUTH_METHODS = CONFIDENTIAL_METHODS

    def check_params(self, request: Any, client: RegisteredClient) -> None:  # noqa: ARG002 – the signature is Authlib's.
        """Demand a token; a hint is never more than a hint (rfc7662 §2.1)."""
        if "token" not in request.form:
            raise InvalidRequestError("the parameter token is missing")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Found | None:  # noqa: ARG002 – a token's prefix says what it is.
        """Find the token if it lives; a used refresh token does not."""
        if not token_string.startswith(REFRESH_TOKEN_PREFIX):
            return find_access_token(token_string)
        found = find_refresh_token(token_string, lock=False)
        return found if found and found.lives and found.token.rotated_at is None else None

    def check_permission(self, token: Found, client: RegisteredClient, request: Any) -> bool:  # noqa: ARG002 – the signature is Authlib's.
        """Whether this client may know of the token."""
        return isinstance(token, LiveAccessToken) or token.client.id == client.client.id

    def create_introspection_payload(self, token: Found | None) -> dict[str, Any]:
        """Describe the token; rfc7662 §2.2: of one that is not active nothing else is said."""
        if token is None:
            return {"active": False}
        members = {
            "active": True,
            "iss": current.settings().issuer,
            "client_id": token.client.client_id,
            # rfc9068 §2.2: without a person the subject is the client.
            "sub": token.grant.sub if token.grant else token.client.client_id,
            "scope": token.token.scope or None,
            "iat": int(token.token.created_at.timestamp()),
            "exp": int(token.token.expires_at.timestamp()),
            "token_type": "Bearer" if isinstance(token, LiveAccessToken) else None,
            "sid": token.client_session.sid if token.client_session else None,
            "auth_time": int(token.session.authenticated_at.timestamp()) if token.session else None,
        }
        return {name: value for name, value in members.items() if value is not None}
