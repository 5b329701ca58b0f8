"""Token introspection for resource servers (rfc7662)."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from provider.clients import resources
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.keys import jwt
from provider.oauth.client_proof.authentication import CONFIDENTIAL_METHODS, claimed_client_id
from provider.oauth.client_proof.client_request import Granted
from provider.oauth.client_proof.registered_client import RegisteredClient
from provider.oauth.token.response import type_of
from provider.protocol.scopes import PROFILE
from provider.tokens.found import read_access_token, read_with_client
from provider.tokens.liveness import FoundRefreshToken, LiveAccessToken, find_refresh_token
from provider.tokens.refresh import REFRESH_TOKEN_PREFIX

# rfc9701 §6: 'The default, if omitted, is RS256.'
_USUAL_ALG = "RS256"
Found = LiveAccessToken | FoundRefreshToken


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # Authlib ships no types.
    """The introspection endpoint.

    Any authenticated client may introspect an access token, because resource servers are clients here. A
    token meant for certain servers is shown only to them and to its own client, a refresh token only to its
    own client.
    """

    CLIENT_AUTH_METHODS = CONFIDENTIAL_METHODS

    def create_endpoint_response(self, request: Any) -> tuple[int, Granted, object]:
        """Answer; signed, where the client asks for evidence of the response (rfc9701 §4)."""
        self._read_together(request)
        status, body, headers = super().create_endpoint_response(request)
        signed = _signed(body, request.client.client) if request.asked.wants_signed else None
        return status, Granted(body, signed), headers

    def _read_together(self, request: Any) -> None:
        """Read the client together with the access token: most clients use Basic, which names them."""
        client_id, handle = claimed_client_id(request), request.form.get("token", "")
        if client_id and not handle.startswith(REFRESH_TOKEN_PREFIX):
            request.keep_read(*read_with_client(handle, client_id))

    def authenticate_token(self, request: Any, client: RegisteredClient) -> Found | None:
        """Return the token if it is valid and the client may know of it."""
        if not request.is_read:
            found: Found | None = super().authenticate_token(request, client)
            return found
        self.check_params(request, client)
        token: LiveAccessToken | None = request.token_read
        return token if token and self.check_permission(token, client, request) else None

    def check_params(self, request: Any, client: RegisteredClient) -> None:  # noqa: ARG002 – the signature is Authlib's.
        """Demand a token; a hint is never more than a hint (rfc7662 §2.1)."""
        if "token" not in request.form:
            raise InvalidRequestError("the parameter token is missing")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Found | None:  # noqa: ARG002 – a token's prefix says what it is.
        """Find the token if it is valid; a used refresh token is not."""
        if not token_string.startswith(REFRESH_TOKEN_PREFIX):
            return read_access_token(token_string)
        found = find_refresh_token(token_string, lock=False)
        return found if found and found.is_valid and found.token.rotated_at is None else None

    def check_permission(self, token: Found, client: RegisteredClient, request: Any) -> bool:  # noqa: ARG002 – the signature is Authlib's.
        """Return whether this client may know of the token."""
        if not isinstance(token, LiveAccessToken):
            return bool(token.client.id == client.client.id)
        if token.holder.id == client.client.id:
            return True
        if token.token.audience is None:
            # rfc7662 §4: the operator decides which clients may introspect, and has not reviewed
            # self-registered ones.
            return not client.client.self_registered
        # rfc8707 §2: a token meant for one resource server does not concern another.
        return resources.is_served_by(client.client, token.token.audience)

    def create_introspection_payload(self, token: Found | None) -> dict[str, Any]:
        """Describe the token; rfc7662 §2.2: nothing more is revealed about an inactive one."""
        if token is None:
            return {"active": False}
        about = _of_access_token(token) if isinstance(token, LiveAccessToken) else _of_refresh_token(token)
        members = {
            "active": True,
            "iss": current.settings().issuer,
            "client_id": token.client.client_id,
            # rfc9068 §2.2: without a person the subject is the client.
            "sub": token.grant.sub if token.grant else token.client.client_id,
            "scope": token.token.scope or None,
            "iat": int(token.token.created_at.timestamp()),
            "exp": int(token.token.expires_at.timestamp()),
            "username": _username(token),
            "sid": token.client_session.sid if token.client_session else None,
            "cnf": token.token.cnf,
        }
        return {name: value for name, value in (members | about).items() if value is not None}


def _username(found: Found) -> str | None:
    """Return the person's user name (rfc7662 §2.2), or None.

    core §8.1: clients with pairwise subjects must not be able to correlate people, unless the person has
    granted the profile scope.
    """
    if found.account is None:
        return None
    may_show = PROFILE in found.token.scope.split() or found.client.metadata_.subject_type != "pairwise"
    return found.account.username if may_show else None


def _signed(body: dict[str, Any], client: Client) -> str:
    """rfc9701 §5: the token's claims are only in `token_introspection`, so this cannot pass for a token."""
    claims = {
        "iss": current.settings().issuer,
        "aud": client.client_id,
        "iat": int(clock.now().timestamp()),
        "token_introspection": body,
    }
    alg = client.metadata_.introspection_signed_response_alg or _USUAL_ALG
    return jwt.sign(claims, typ=jwt.INTROSPECTION_TYP, alg=alg)


def _of_access_token(found: LiveAccessToken) -> dict[str, Any]:
    token, session = found.token, found.session
    audience = token.audience or []
    # rfc9470 §6.2: the sign-in that the token came from. Rows written by old releases lack it.
    auth_time = token.auth_time or (session.authenticated_at if session else None)
    return {
        "client_id": found.holder.client_id,
        # rfc8693 §4.1: who acts for the subject.
        "act": {"sub": found.actor.client_id} if found.actor else None,
        "token_type": type_of(token),
        "jti": token.id.hex,
        "aud": audience if len(audience) > 1 else next(iter(audience), None),
        "auth_time": int(auth_time.timestamp()) if auth_time else None,
        "acr": token.acr,
        "amr": token.amr.split() if token.amr else None,
    }


def _of_refresh_token(found: FoundRefreshToken) -> dict[str, Any]:
    token = found.token
    return {
        "auth_time": int(token.auth_time.timestamp()),
        "acr": token.acr,
        "amr": token.amr.split() if token.amr else None,
    }
