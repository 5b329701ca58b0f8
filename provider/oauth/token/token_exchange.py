"""A service acts for a person: it exchanges the person's token at a client for its own (rfc8693).

The new token depends on the grant and the session of the person's own token, and so ends with them on the
next request; it is valid for no longer, and it cannot be refreshed or exchanged again.
"""

from dataclasses import replace
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import resources
from provider.clients.models import Client
from provider.grants.queries import lock
from provider.oauth.client_proof.authentication import CONFIDENTIAL_METHODS
from provider.oauth.client_proof.client_request import ClientRequest
from provider.oauth.token.response import token_response
from provider.oauth.token.terms import TokenTerms, read_terms
from provider.protocol.errors import InvalidTarget
from provider.protocol.grant_types import TOKEN_EXCHANGE
from provider.protocol.scopes import ACCOUNT, ADMIN_SCOPES, OFFLINE_ACCESS
from provider.tokens import access
from provider.tokens.id_token import SignIn
from provider.tokens.liveness import LiveAccessToken, find_access_token

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 – a name, no token.
# rfc8693 §2.2.2 has one response for every subject_token that will not do.
_UNACCEPTABLE = "the subject_token is invalid, or this client must not exchange it"


class TokenExchange(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib ships no types.
    """One exchange; a public client may not exchange tokens."""

    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL_METHODS

    def validate_token_request(self) -> None:
        """Prove the client and check what it asks for, but for the token itself."""
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("the client is not registered for token exchange")
        self.request.client = client
        form = self.request.form
        if not form.get("subject_token"):
            raise InvalidRequestError("the parameter subject_token is missing")
        if form.get("subject_token_type") != ACCESS_TOKEN_TYPE:
            raise InvalidRequestError(f"the only subject_token_type is {ACCESS_TOKEN_TYPE}")
        if form.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
            raise InvalidRequestError(f"the only requested_token_type is {ACCESS_TOKEN_TYPE}")
        # rfc8693 §1.1: who acts is the client itself, which has just proven that it does.
        if "actor_token" in form or "actor_token_type" in form:
            raise InvalidRequestError("an actor_token is not supported: the client is the actor")

    def create_token_response(self) -> tuple[int, dict[str, Any], object]:
        """Issue the token that the service holds."""
        actor: Client = self.request.client.client
        subject = self._find_subject(actor)
        terms = _terms(self.request.asked, actor)
        _check_still_bound(subject, terms)
        handle, token = self._issue(subject, actor, terms)
        response = token_response(handle, token) | {"issued_token_type": ACCESS_TOKEN_TYPE}
        # rfc8693 §2.2.1: the type of its use is distinct from the kind of token that it is.
        return 200, response, self.TOKEN_RESPONSE_HEADER

    def _find_subject(self, actor: Client) -> LiveAccessToken:
        """Find the person's token under its grant's lock, which every revocation takes."""
        handle = self.request.form["subject_token"]
        found = find_access_token(handle)
        if found is None or found.grant is None or not _may_exchange(actor, found):
            raise InvalidRequestError(_UNACCEPTABLE)
        lock(found.grant.id)
        again = find_access_token(handle)
        # Read again under the lock, including the clients whose tokens the service may exchange.
        if again is None or not _may_exchange(actor, again):
            raise InvalidRequestError(_UNACCEPTABLE)
        return again

    def _issue(self, subject: LiveAccessToken, actor: Client, terms: TokenTerms) -> tuple[str, Any]:
        grant, session, client_session = subject.grant, subject.session, subject.client_session
        family_id = subject.token.family_id
        if grant is None or session is None or client_session is None or family_id is None:
            raise InvalidRequestError(_UNACCEPTABLE)
        scope = self._scope(subject, actor)
        issued = access.issue_for_grant(
            subject.client,
            grant,
            client_session,
            session,
            scope=scope,
            # So that it ends with the refresh token that the person's own token came with.
            family_id=family_id,
            # It is valid for no longer than the token that it was exchanged for.
            offline=grant.offline and subject.token.outlives_session,
            resources=terms.resources,
            cnf=terms.cnf,
            sign_in=_sign_in_of(subject),
            actor=actor,
            not_after=min(
                subject.token.expires_at, self.request.client.proven_until or subject.token.expires_at
            ),
        )
        record(
            EventTag.TOKEN_EXCHANGED,
            actor="client",
            account_id=grant.account_id,
            client_id=actor.client_id,
            session_id=session.id,
            ip=self.request.ip,
            of=subject.client.client_id,
            scope=scope,
        )
        return issued

    def _scope(self, subject: LiveAccessToken, actor: Client) -> str:
        """Return the requested scope, limited to that of the person's token and of the service itself."""
        metadata = actor.metadata_
        may_have = [
            scope
            for scope in subject.token.scope.split()
            if metadata.may_use_scope(scope)
            and scope != OFFLINE_ACCESS
            # A service cannot get administration scopes this way: the person was never asked about it.
            and scope not in ADMIN_SCOPES
            and (scope != ACCOUNT or actor.may_use_account_api)
        ]
        asked = self.request.payload.scope
        wanted = list(dict.fromkeys(asked.split())) if asked else may_have
        if not wanted or not set(wanted) <= set(may_have):
            raise InvalidScopeError("the scope exceeds that of the subject_token or the client")
        return " ".join(wanted)


def _may_exchange(actor: Client, subject: LiveAccessToken) -> bool:
    """Return whether the operator lets this service act for the people of that client.

    A token that is meant for certain resource servers must also be meant for this one: no other server should
    have it. An exchanged token is refused, because a service already holds it.
    """
    if subject.actor is not None or subject.client.client_id not in (actor.may_exchange_tokens_of or ()):
        return False
    audience = subject.token.audience
    return audience is None or resources.is_served_by(actor, audience)


def _check_still_bound(subject: LiveAccessToken, terms: TokenTerms) -> None:
    """Refuse a token that any holder may use in exchange for one that needs a key (rfc9449 §1, rfc8705 §3).

    The service cannot prove the person's app's key, so it brings its own.
    """
    if subject.token.cnf and not terms.cnf:
        raise InvalidRequestError("the subject_token is bound to a key: send a DPoP proof of your own key")


def _terms(asked: ClientRequest, actor: Client) -> TokenTerms:
    """Read the audience of the new token; rfc8693 §2.1: both `audience` and `resource` may name it."""
    named = [asked.parameters[name] for name in ("resource", "audience") if name in asked.parameters]
    if any(" " in one for one in named[1:]):
        raise InvalidTarget("audience must be the identifier of a resource server")
    parameters = dict(asked.parameters) | ({"resource": " ".join(named)} if named else {})
    return read_terms(replace(asked, parameters=parameters), actor)


def _sign_in_of(subject: LiveAccessToken) -> SignIn | None:
    token = subject.token
    if token.auth_time is None:
        return None
    return SignIn(auth_time=token.auth_time, amr=token.amr or "", acr=token.acr)
