"""Authlib's authorization server, with frozen values as requests and responses."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from provider.clients.models import Client
from provider.delivery import evidence
from provider.logout.notice import recipient_of
from provider.oauth.client_proof import authentication as client_authentication
from provider.oauth.client_proof import registered_client
from provider.oauth.client_proof.assertion import by_assertion
from provider.oauth.client_proof.authentication import (
    ALL_METHODS,
    ASSERTION,
    BASIC,
    NONE,
    basic_credentials,
    by_basic,
    by_nothing,
)
from provider.oauth.client_proof.certificate import by_registered_certificate, by_verified_certificate
from provider.oauth.client_proof.client_request import ClientRequest, Granted, Outcome, Refused
from provider.oauth.client_proof.failed_authentication import diagnose
from provider.oauth.client_proof.refusals import explain
from provider.oauth.client_proof.registered_client import RegisteredClient
from provider.oauth.token.client_credentials_grant import ClientCredentials
from provider.oauth.token.code_grant import CodeGrant, S256Challenge
from provider.oauth.token.device_grant import DeviceGrant
from provider.oauth.token.introspection import Introspection
from provider.oauth.token.refresh_grant import RefreshGrant
from provider.oauth.token.revocation import Revocation
from provider.oauth.token.token_exchange import TokenExchange
from provider.protocol import errors
from provider.protocol.client_certificate_rules import SELF_SIGNED_TLS_CLIENT_AUTH, TLS_CLIENT_AUTH
from provider.protocol.errors import ProtocolError
from provider.tokens.liveness import FoundCode, FoundRefreshToken, LiveAccessToken

Found = LiveAccessToken | FoundRefreshToken | FoundCode

_CODES: dict[str, type[ProtocolError]] = {
    cls.error: cls
    for cls in (
        errors.InvalidRequest,
        errors.InvalidClient,
        errors.InvalidGrant,
        errors.InvalidScope,
        errors.UnauthorizedClient,
        errors.UnsupportedGrantType,
    )
}


# LIB-06: the settings have already checked that the issuer uses a secure transport; Authlib would parse an
# address for that in each request object.
_UNSENT = vars(OAuth2Request("POST", "https://issuer"))


class FormRequest(OAuth2Request):  # type: ignore[misc]  # Authlib ships no types.
    """A posted form with the interface that Authlib expects. Repeated parameters are refused (LIB-06)."""

    # The parameters of the body; overrides a property of Authlib's.
    form: dict[str, str] = {}  # noqa: RUF012 – each request has its own.

    def __init__(self, request: ClientRequest) -> None:
        self.__dict__.update(_UNSENT)
        self.uri = request.url
        self.headers = {"Authorization": request.authorization} if request.authorization else {}
        self.form = dict(request.parameters)
        self.payload = BasicOAuth2Payload(self.form)
        # The client id and the secret of HTTP Basic.
        self.basic = basic_credentials(request.authorization)
        self.asked = request
        self.ip = request.ip
        # The client, once it has proven itself.
        self.proven: Client | None = None
        # The client that the request names and the code or token that it sends, where both were read at once.
        self.is_read = False
        self.client_read: Client | None = None
        self.token_read: Found | None = None

    def keep_read(self, client: Client | None, found: Found | None) -> None:
        """Keep the client that the request names and what it sends, which were read in one round trip."""
        self.is_read, self.client_read, self.token_read = True, client, found


class Server(AuthorizationServer):  # type: ignore[misc]  # Authlib ships no types.
    """The common parts of the token, revocation and introspection endpoints."""

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """Find a client that may act."""
        return registered_client.find_active(client_id)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Send none: a use case calls its steps in order, there are no hidden subscribers."""

    def create_oauth2_request(self, request: ClientRequest) -> FormRequest:
        """Wrap a request for Authlib; an already wrapped request is returned unchanged."""
        return request if isinstance(request, FormRequest) else FormRequest(request)

    def authenticate_client(
        self, request: FormRequest, methods: Any, endpoint: str = "token"
    ) -> RegisteredClient:
        """Prove the client by the one method that it uses and registered."""
        client_authentication.refuse_two_proofs(request)
        try:
            client: RegisteredClient = super().authenticate_client(request, methods, endpoint)
        except OAuth2Error as exc:
            if exc.error != errors.InvalidClient.error:
                raise
            # Authlib's sentences distinguish an unknown client from a wrong secret, and ours do not.
            refused = client_authentication.fail()
            refused.refusal = diagnose(request, methods)
            raise refused from exc
        request.proven = client.client
        if client.client.logout_endpoint_failing and not client.metadata.is_public:
            evidence.note(recipient_of(client.client.id))
        return client

    def create_token_response(self, request: ClientRequest) -> Outcome:
        """Answer a token request."""
        return self._outcome_of(super().create_token_response, self.create_oauth2_request(request))

    def create_endpoint_response(self, name: str, request: ClientRequest) -> Outcome:
        """Answer a request at the revocation or introspection endpoint."""
        act = partial(super().create_endpoint_response, name)
        return self._outcome_of(act, self.create_oauth2_request(request))

    def handle_response(self, status: int, body: dict[str, Any] | Granted, headers: object) -> Outcome:  # noqa: ARG002 – how a response looks is decided by the endpoint.
        """Return what Authlib would send."""
        return body if isinstance(body, Granted) else Granted(body)

    def handle_error_response(self, request: object, error: AuthlibBaseError) -> Outcome:  # noqa: ARG002 – the signature is Authlib's.
        """Translate Authlib's error into ours."""
        return Refused(_translated(error))

    def _outcome_of(self, act: Callable[[FormRequest], Outcome], request: FormRequest) -> Outcome:
        try:
            outcome = act(request)
        except ProtocolError as exc:
            outcome = Refused(exc)
        if isinstance(outcome, Refused) and request.proven is not None:
            explain(outcome.error, request.proven)
        return outcome


def prove_client(request: ClientRequest) -> Client:
    """Prove a client, or identify a public one, as at the token endpoint. Raises a ProtocolError."""
    server = the_server()
    try:
        proven = server.authenticate_client(server.create_oauth2_request(request), ALL_METHODS)
    except OAuth2Error as exc:
        raise _translated(exc) from exc
    return proven.client


# Authlib gives no description if a refresh token belongs to another client.
_SAID_WHEN_NOTHING_IS = {
    errors.InvalidGrant.error: "the code or token is invalid or no longer valid for this client"
}


def _translated(error: AuthlibBaseError) -> ProtocolError:
    cls = _CODES.get(error.error, errors.InvalidRequest)
    translated = cls(error.get_error_description() or _SAID_WHEN_NOTHING_IS.get(cls.error, ""))
    translated.refusal = getattr(error, "refusal", None)
    return translated


@cache
def the_server() -> Server:
    """Return the server; it holds no state but what is registered here."""
    server = Server()
    server.register_client_auth_method(BASIC, by_basic)
    server.register_client_auth_method(ASSERTION, by_assertion)
    server.register_client_auth_method(TLS_CLIENT_AUTH, by_verified_certificate)
    server.register_client_auth_method(SELF_SIGNED_TLS_CLIENT_AUTH, by_registered_certificate)
    server.register_client_auth_method(NONE, by_nothing)
    server.register_grant(CodeGrant, [S256Challenge(required=True)])
    server.register_grant(RefreshGrant)
    server.register_grant(ClientCredentials)
    server.register_grant(DeviceGrant)
    server.register_grant(TokenExchange)
    server.register_endpoint(Revocation)
    server.register_endpoint(Introspection)
    return server
