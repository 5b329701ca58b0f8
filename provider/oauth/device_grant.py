"""A device's question whether it may sign in, and the session that it gets (rfc8628 §3.4, §3.5).

Authlib's own grant reads an answer, issues and forgets: two polls at once both get tokens.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from provider.accounts.models import Account
from provider.accounts.queries import lock
from provider.clients.models import Client
from provider.grants import lifecycle as grants
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.logout import limit
from provider.oauth.client_authentication import ALL_METHODS
from provider.oauth.token_answer import HangsOn, issue_tokens
from provider.oauth.token_terms import TokenTerms, read_terms
from provider.protocol.errors import AuthorizationPending, DeviceDenied, ExpiredToken, SlowDown
from provider.protocol.grant_types import DEVICE_CODE
from provider.protocol.scopes import OFFLINE_ACCESS
from provider.sessions import lifecycle as sessions
from provider.sessions.join import join, new_sid
from provider.sessions.models import ClientSession, Session
from provider.tokens import device_codes, id_token
from provider.tokens.device_codes import DeviceCodeState, FoundDeviceCode
from provider.tokens.device_models import DeviceCode


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInDevice:
    """What a device has once it is let in: a session of its own, with its client's share and grant."""

    session: Session
    client_session: ClientSession
    grant: Grant


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
        """Say how things stand, or sign the device in."""
        code = self._found.code
        match self._found.state:
            case DeviceCodeState.WAITING:
                if device_codes.note_poll(code):
                    raise AuthorizationPending("nobody has answered yet")
                raise SlowDown(
                    "the device asks more often than it may; it waits 5 seconds longer from now on"
                )
            case DeviceCodeState.DENIED:
                raise DeviceDenied("the person did not agree")
            case DeviceCodeState.EXPIRED:
                raise ExpiredToken("the device code has expired")
            case DeviceCodeState.ALLOWED:
                terms = read_terms(self.request.asked, self._found.client, authorized=())
                if device_codes.use(code):
                    return 200, self._let_in(terms), self.TOKEN_RESPONSE_HEADER
        # Nothing is revoked: rfc8628 §3.5 has devices ask again when an answer was lost on its way.
        raise InvalidGrantError("the device code was used before")

    def _let_in(self, terms: TokenTerms) -> dict[str, Any]:
        found = self._found
        # Whoever ends everything of a person meets us at this lock: it comes first and the answer is void,
        # or it comes later and finds the session.
        account = lock(found.code.account_id) if found.code.account_id else None
        if account is None or not found.still_holds_for(account):
            raise DeviceDenied("the person's permission has ended")
        signed_in = sign_in(account, found.client, found.code)
        limit.enforce(account, signed_in.session)
        return _issue(found.client, found.code, signed_in, terms)


def sign_in(account: Account, client: Client, code: DeviceCode) -> SignedInDevice:
    """Begin the session of a device that the person has let in, under a grant that ends with it.

    offline_access makes it live as long as a grant may: there is no browser's session to outlive, and
    so a device that is shown among the person's sessions can be ended there for good.
    """
    grant = grants.create(
        account,
        client,
        scope=code.scope,
        sid=new_sid(),
        provider_epoch=code.provider_epoch or 0,
        consented=True,
    )
    session = sessions.start_on_device(
        account,
        ip=code.ip,
        device=code.device,
        authenticated_at=_instant(code.authenticated_at),
        amr=code.amr or "",
        acr=code.acr,
        expires_at=_end_of_session(grant),
    )
    return SignedInDevice(session=session, client_session=join(session, client, grant), grant=grant)


def _end_of_session(grant: Grant) -> datetime:
    if OFFLINE_ACCESS in grant.scopes:
        return grant.expires_at
    return min(grant.expires_at, clock.now() + current.settings().session_lifetime)


def _issue(client: Client, code: DeviceCode, signed_in: SignedInDevice, terms: TokenTerms) -> dict[str, Any]:
    return issue_tokens(
        HangsOn(client, signed_in.grant, signed_in.client_session, signed_in.session),
        terms,
        scope=code.scope,
        family_id=code.id,
        sign_in=id_token.SignIn(auth_time=_instant(code.authenticated_at), amr=code.amr or "", acr=code.acr),
    )


def _instant(authenticated_at: datetime | None) -> datetime:
    if authenticated_at is None:
        raise ValueError("a device code that was allowed says when the person had signed in")
    return authenticated_at
