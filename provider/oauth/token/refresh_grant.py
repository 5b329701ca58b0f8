"""The exchange of a refresh token for new tokens (rfc6749 §6, core §12, rfc9700 §4.14)."""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import current
from provider.logout.end_grant import end_grant
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.oauth.client_proof.authentication import ALL_METHODS, claimed_client_id
from provider.oauth.client_proof.encryption import ID_TOKEN, encrypted
from provider.oauth.client_proof.registered_client import RegisteredClient
from provider.oauth.token.requested_claims import requested_claims
from provider.oauth.token.response import token_response
from provider.oauth.token.terms import TokenTerms, check_key, read_terms
from provider.protocol.scopes import OPENID
from provider.sessions.lifecycle import note_refresh
from provider.tokens import access, id_token, refresh
from provider.tokens.found import read_refresh_token, read_refresh_token_with_client
from provider.tokens.liveness import FoundRefreshToken


@dataclass(frozen=True, slots=True)
class PresentedRefreshToken:
    """A refresh token, valid or not, with the interface that Authlib expects."""

    found: FoundRefreshToken
    handle: str

    def check_client(self, client: RegisteredClient) -> bool:
        """Return whether the token is this client's."""
        return self.found.client.id == client.client.id

    def get_scope(self) -> str:
        """The grant and session that the token was issued for."""
        return self.found.token.scope


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]  # Authlib ships no types.
    """One refresh. Authlib's own reads, issues and revokes: two callers both get a valid successor."""

    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS

    def validate_token_request(self) -> None:
        """Read the client and its token together, then check one after the other."""
        client_id, handle = claimed_client_id(self.request), self.request.form.get("refresh_token")
        if client_id and handle:
            self.request.keep_read(*read_refresh_token_with_client(handle, client_id))
        super().validate_token_request()

    def authenticate_refresh_token(self, refresh_token: str) -> PresentedRefreshToken | None:
        """Find the token behind its grant's lock; whether it is valid is decided when it is rotated."""
        found = self.request.token_read if self.request.is_read else read_refresh_token(refresh_token)
        return PresentedRefreshToken(found, refresh_token) if found else None

    def create_token_response(self) -> tuple[int, dict[str, Any], object]:
        """Rotate the token and issue new ones, or revoke tokens that an attacker may also have."""
        presented: PresentedRefreshToken = self.request.refresh_token
        found = presented.found
        scope = self.request.payload.scope or found.token.scope
        authorized = found.token.resources or ()
        terms = read_terms(self.request.asked, found.client, authorized=authorized, scope=scope)
        # Checked first: without the key, a stolen token must not even cause its family to be revoked.
        check_key(found.token.cnf, terms)
        match refresh.rotate(found, presented.handle):
            case refresh.Rotated(handle=successor):
                # rfc6749 §6: a narrower scope is only for this access token.
                response = _issue(found, terms, successor, scope)
                if current.settings().refresh_counts_as_use and not found.outlives_session:
                    note_refresh(found.session)
                return 200, response, self.TOKEN_RESPONSE_HEADER
            case refresh.Replayed():
                self._end_what_was_stolen(found)
                raise InvalidGrantError("the refresh token was already used")
            case refresh.Invalid():
                raise InvalidGrantError("the refresh token is no longer valid")

    def _end_what_was_stolen(self, found: FoundRefreshToken) -> None:
        """DEC-16: a replay ends the grant and the client session, and notifies the client."""
        record(
            EventTag.REFRESH_REPLAYED,
            actor="client",
            account_id=found.account.id,
            client_id=found.client.client_id,
            session_id=found.session.id,
            ip=self.request.ip,
            generation=found.token.generation,
        )
        cause = Cause(
            reason=LogoutReason.REFRESH_REPLAY, initiator="system", client=found.client, ip=self.request.ip
        )
        end_grant(found.grant.id, cause)


def _issue(found: FoundRefreshToken, terms: TokenTerms, successor: str, scope: str) -> dict[str, Any]:
    client, grant, token, session = found.client, found.grant, found.token, found.session
    # core §12.2: the tokens name the original sign-in, and no nonce. Earlier releases kept only its instant.
    sign_in = id_token.SignIn(
        auth_time=token.auth_time,
        amr=session.amr if token.amr is None else token.amr,
        acr=session.acr if token.amr is None else token.acr,
    )
    claims = requested_claims(token.claims, found.account, client, scope)
    handle, access_token = access.issue_for_grant(
        client,
        grant,
        found.client_session,
        session,
        scope=_ordered(scope),
        family_id=token.family_id,
        offline=found.outlives_session,
        resources=terms.resources,
        cnf=terms.cnf,
        sign_in=sign_in,
        claims=claims.in_userinfo if claims else None,
    )
    signed = None
    if OPENID in token.scope.split():
        signed = id_token.issue(
            client,
            grant,
            sid=found.client_session.sid,
            sign_in=sign_in,
            access_token=handle,
            about_person=claims.in_id_token if claims else {},
        )
        signed = encrypted(signed, client, ID_TOKEN)
    return token_response(handle, access_token, refresh_token=successor, id_token=signed)


def _ordered(scope: str) -> str:
    return " ".join(dict.fromkeys(scope.split()))
