"""Let a client give back a token of its own (rfc7009)."""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.grants import lifecycle
from provider.grants.queries import lock
from provider.logout.end_grant import end_grant
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.oauth.client_proof.authentication import ALL_METHODS
from provider.oauth.client_proof.registered_client import RegisteredClient
from provider.tokens.liveness import FoundRefreshToken, find_refresh_token, has_offline_token
from provider.tokens.models import AccessToken
from provider.tokens.queries import find_access_token_row
from provider.tokens.refresh import REFRESH_TOKEN_PREFIX
from provider.tokens.revoke import revoke_access_token, revoke_exchanged, revoke_family


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token, valid or not, with the interface that Authlib expects."""

    handle: str
    found: FoundRefreshToken | AccessToken

    def check_client(self, client: RegisteredClient) -> bool:
        """rfc7009 §2.1: a client may revoke what was issued to itself."""
        found = self.found
        owner = found.holder_id if isinstance(found, AccessToken) else found.client.id
        return owner == client.client.id


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib ships no types.
    """The revocation endpoint. An invalid token is answered with 200 like any other (§2.2)."""

    CLIENT_AUTH_METHODS = ALL_METHODS

    def check_params(self, request: Any, client: RegisteredClient) -> None:  # noqa: ARG002 – the signature is Authlib's.
        """Demand a token; rfc7009 §2.1 lets us ignore a hint, which Authlib answers with 401 when unknown."""
        if "token" not in request.form:
            raise InvalidRequestError("the parameter token is missing")

    def query_token(self, token_string: str, token_type_hint: str | None) -> PresentedToken | None:  # noqa: ARG002 – a token's prefix says what it is.
        """Find the token, a refresh token behind its grant's lock."""
        found: FoundRefreshToken | AccessToken | None
        if token_string.startswith(REFRESH_TOKEN_PREFIX):
            found = find_refresh_token(token_string)
        else:
            found = find_access_token_row(token_string)
        return PresentedToken(token_string, found) if found else None

    def revoke_token(self, token: PresentedToken, request: Any) -> None:
        """Revoke an access token with the tokens exchanged for it, or a refresh token with its family."""
        found = token.found
        client: Client = request.client.client
        if isinstance(found, AccessToken):
            if _revoke_access_token(token.handle, found, client):
                _record(request, client, "access_token")
        elif revoke_family(found.token.family_id):
            self._end_what_is_left(found, request)
            _record(request, client, "refresh_token", found)

    def _end_what_is_left(self, found: FoundRefreshToken, request: Any) -> None:
        """End an offline grant with its last refresh token, without which no client could use or end it.

        A device that revokes its token signs itself out. A token that was issued without offline_access ends
        nothing else: its grant goes on with the session or with an offline token.
        """
        if found.session.is_device:
            by_client = Cause(
                reason=LogoutReason.USER, initiator="client", client=found.client, ip=request.ip
            )
            end_grant(found.grant.id, by_client)
        elif found.outlives_session and not has_offline_token(found.grant) and lifecycle.revoke(found.grant):
            record(
                EventTag.GRANT_REVOKED,
                actor="client",
                account_id=found.account.id,
                client_id=found.client.client_id,
                session_id=found.session.id,
                ip=request.ip,
            )


def _revoke_access_token(handle: str, token: AccessToken, client: Client) -> bool:
    """Revoke an access token, and the tokens that services got for it."""
    if token.grant_id is not None:
        lock(token.grant_id)
    revoked = revoke_access_token(handle, owner_id=client.id)
    if revoked and token.family_id is not None and token.actor_id is None:
        revoke_exchanged(token.family_id)
    return revoked


def _record(request: Any, client: Client, kind: str, found: FoundRefreshToken | None = None) -> None:
    record(
        EventTag.TOKEN_REVOKED,
        actor="client",
        account_id=found.account.id if found else None,
        client_id=client.client_id,
        session_id=found.session.id if found else None,
        ip=request.ip,
        kind=kind,
    )
