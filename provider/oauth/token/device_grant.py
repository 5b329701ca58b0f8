"""A device's polls for the person's decision, and the session that it gets (rfc8628 §3.4, §3.5).

Authlib's own grant reads the answer, issues and then forgets it, so two concurrent polls both get tokens.
"""

from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from provider.clients.resources import servers_among
from provider.grants import lifecycle as grants
from provider.grants.consent import Consent
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.logout import limit
from provider.oauth.client_proof.authentication import ALL_METHODS
from provider.oauth.token.requested_claims import requested_claims
from provider.oauth.token.response import HangsOn, issue_tokens
from provider.oauth.token.terms import TokenTerms, read_terms
from provider.protocol.device_errors import AuthorizationPending, DeviceDenied, ExpiredToken, SlowDown
from provider.protocol.grant_types import DEVICE_CODE
from provider.protocol.scopes import OFFLINE_ACCESS
from provider.sessions import lifecycle as sessions
from provider.sessions.lifecycle import join, new_sid
from provider.sessions.queries import FoundSession
from provider.tokens import device_codes, id_token
from provider.tokens.device_codes import DeviceCodeState, FoundDeviceCode


class DeviceGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib ships no types.
    """One poll."""

    GRANT_TYPE = DEVICE_CODE
    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS
    _found: FoundDeviceCode

    def validate_token_request(self) -> None:
        """Prove the client and find its device code; another client's is as good as unknown."""
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("the client is not registered for the device grant")
        handle = self.request.form.get("device_code")
        if not handle:
            raise InvalidRequestError("the parameter device_code is missing")
        found = device_codes.find(handle)
        if found is None or found.client.id != client.client.id:
            raise InvalidGrantError("the device code is unknown")
        self.request.client = client
        self._found = found

    def create_token_response(self) -> tuple[int, dict[str, Any], object]:
        """Report the state of the request, or sign the device in."""
        code = self._found.code
        match self._found.state:
            case DeviceCodeState.WAITING:
                if device_codes.note_poll(code):
                    raise AuthorizationPending("the authorization request is still pending")
                raise SlowDown("polling too often; increase the interval by 5 seconds")
            case DeviceCodeState.DENIED:
                raise DeviceDenied("the person denied the request")
            case DeviceCodeState.EXPIRED:
                raise ExpiredToken("the device code has expired")
            case DeviceCodeState.ALLOWED:
                authorized = code.request.get("resources", ())
                client, scope = self._found.client, code.scope
                terms = read_terms(self.request.asked, client, authorized=authorized, scope=scope)
                if device_codes.use(code):
                    return 200, self._let_in(terms), self.TOKEN_RESPONSE_HEADER
        # Nothing is revoked: rfc8628 §3.5 has devices ask again when a response was lost on its way.
        raise InvalidGrantError("the device code was already used")

    def _let_in(self, terms: TokenTerms) -> dict[str, Any]:
        found, code = self._found, self._found.code
        answered_in = device_codes.find_answering_session(found)
        if answered_in is None:
            raise DeviceDenied("the session in which the person consented has ended")
        signed_in = sign_in(found, answered_in)
        limit.enforce(answered_in.account, signed_in.session)
        return issue_tokens(
            signed_in,
            terms,
            scope=code.scope,
            family_id=code.id,
            sign_in=id_token.SignIn(
                auth_time=signed_in.session.authenticated_at, amr=code.amr or "", acr=code.acr
            ),
            authorized=code.request.get("resources"),
            claims=requested_claims(None, answered_in.account, found.client, code.scope),
        )


def sign_in(found: FoundDeviceCode, answered_in: FoundSession) -> HangsOn:
    """Begin the session of a device that the person has allowed, under a grant that ends with it.

    With offline_access it lasts as long as a grant may: there is no browser session to outlive, and the
    person sees the device among their sessions and can end it there with all its tokens.
    """
    code, account = found.code, answered_in.account
    grant = grants.create(
        account,
        found.client,
        scope=code.scope,
        sid=new_sid(),
        provider_epoch=answered_in.provider_epoch,
        # The scopes and servers named on the page on which the person allowed the device.
        consent=Consent.to(code.scope.split(), resources=servers_among(code.request.get("resources", ()))),
    )
    session = sessions.start_on_device(
        account,
        ip=code.ip,
        device=code.device,
        authenticated_at=code.authenticated_at or answered_in.session.authenticated_at,
        amr=code.amr or "",
        acr=code.acr,
        expires_at=_end_of_session(grant),
        provider_epoch=answered_in.provider_epoch,
    )
    return HangsOn(found.client, grant, join(session, found.client, grant), session)


def _end_of_session(grant: Grant) -> datetime:
    if OFFLINE_ACCESS in grant.scopes:
        return grant.expires_at
    return min(grant.expires_at, clock.now() + current.settings().session_lifetime)
