"""One class per registered error code, without any presentation.

The description is for the developer of the client and is sent; the detail is for our log
only. Whether an error is answered as JSON, as a redirect or as a page is decided in `web.errors`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from provider.protocol.refusal import Refusal


class ProtocolError(Exception):
    """The base class of all errors that are sent to a client."""

    error: ClassVar[str] = "server_error"
    status_code: ClassVar[int] = 400
    # Whether it may be sent to the client by a redirect once the redirect URI is verified (rfc6749 §4.1.2.1).
    redirectable: ClassVar[bool] = True
    # Its explanation for the operator.
    refusal: Refusal | None = None
    # Additional members for a response in the form of rfc9457.
    members: Mapping[str, object] = MappingProxyType({})

    def __init__(self, description: str = "", *, detail: str = "") -> None:
        super().__init__(description)
        self.description = description
        self.detail = detail


class InvalidRequest(ProtocolError):
    """rfc6749 §4.1.2.1, §5.2: something is missing, repeated, malformed or too long."""

    error = "invalid_request"


class InvalidRedirectURI(InvalidRequest):
    """rfc6749 §4.1.2.1: 'MUST NOT automatically redirect the user-agent to the invalid redirection URI'."""

    redirectable = False


class InvalidClient(ProtocolError):
    """rfc6749 §5.2: the client is unknown or failed to authenticate."""

    error = "invalid_client"
    status_code = 401
    redirectable = False


class UnknownClient(InvalidClient):
    """rfc6749 §4.1.2.1: a person was sent here by an unknown app; there is nothing to authenticate."""

    status_code = 400


class InvalidGrant(ProtocolError):
    """rfc6749 §5.2: the code or refresh token is not, or no longer, valid."""

    error = "invalid_grant"


class UnauthorizedClient(ProtocolError):
    """rfc6749 §4.1.2.1, §5.2: this client may not use this kind of request."""

    error = "unauthorized_client"


class UnsupportedGrantType(ProtocolError):
    """rfc6749 §5.2."""

    error = "unsupported_grant_type"


class UnsupportedResponseType(ProtocolError):
    """rfc6749 §4.1.2.1."""

    error = "unsupported_response_type"


class InvalidScope(ProtocolError):
    """rfc6749 §4.1.2.1, §5.2."""

    error = "invalid_scope"


class InvalidTarget(ProtocolError):
    """rfc8707 §2: the resource is malformed, unknown, or not for this client."""

    error = "invalid_target"


class InvalidDPoPProof(ProtocolError):
    """rfc9449 §5: the DPoP proof is missing or invalid."""

    error = "invalid_dpop_proof"


class UseDPoPNonce(ProtocolError):
    """rfc9449 §8: the proof must contain the nonce that is sent with this response."""

    error = "use_dpop_nonce"


class AccessDenied(ProtocolError):
    """rfc6749 §4.1.2.1: the person or the provider denied the request."""

    error = "access_denied"
    status_code = 403


class TemporarilyUnavailable(ProtocolError):
    """rfc6749 §4.1.2.1: we cannot answer now, but may soon."""

    error = "temporarily_unavailable"
    status_code = 503

    def __init__(self, description: str = "", *, detail: str = "", retry_after: int = 5) -> None:
        super().__init__(description, detail=detail)
        self.retry_after = retry_after


class TooManyRequests(TemporarilyUnavailable):
    """rfc6585 §4: the same party sends too many requests; OAuth has no error code for that."""

    status_code = 429


class BodyTooLarge(InvalidRequest):
    """rfc9110 §15.5.14: the body is larger than we read."""

    status_code = 413
    redirectable = False


class BodyTooSlow(InvalidRequest):
    """rfc9110 §15.5.9: the body did not arrive within the time that we wait for it."""

    status_code = 408
    redirectable = False


class LoginRequired(ProtocolError):
    """core §3.1.2.6: prompt=none, but the person has to sign in."""

    error = "login_required"


class ConsentRequired(ProtocolError):
    """core §3.1.2.6: prompt=none, but the person has not agreed yet."""

    error = "consent_required"


class UnmetAuthenticationRequirements(ProtocolError):
    """rfc9470 §5: the person cannot be authenticated as the request demands."""

    error = "unmet_authentication_requirements"


class RequestNotSupported(ProtocolError):
    """core §3.1.2.6: no request objects by value."""

    error = "request_not_supported"


class RequestURINotSupported(ProtocolError):
    """core §3.1.2.6: no request objects by reference."""

    error = "request_uri_not_supported"


class InvalidRequestURI(ProtocolError):
    """core §3.1.2.6: the request_uri does not lead to a usable request object."""

    error = "invalid_request_uri"


class InvalidRequestObject(ProtocolError):
    """core §3.1.2.6: the request object is malformed or not validly signed by its client."""

    error = "invalid_request_object"


class UnregistrableRedirectURI(ProtocolError):
    """rfc7591 §3.2.2: one of the redirect URIs cannot be registered."""

    error = "invalid_redirect_uri"
    redirectable = False


class UnregistrableMetadata(ProtocolError):
    """rfc7591 §3.2.2: another member of the metadata cannot be registered."""

    error = "invalid_client_metadata"
    redirectable = False


class InvalidSoftwareStatement(ProtocolError):
    """rfc7591 §3.2.2: the software statement is malformed or not validly signed by its issuer."""

    error = "invalid_software_statement"
    redirectable = False


class UnapprovedSoftwareStatement(ProtocolError):
    """rfc7591 §3.2.2: the issuer of the software statement is not trusted."""

    error = "unapproved_software_statement"
    redirectable = False


class RegistrationNotSupported(ProtocolError):
    """core §3.1.2.6: no registration parameter."""

    error = "registration_not_supported"


class NotFound(ProtocolError):
    """rfc9110 §15.5.5: it does not exist, or belongs to another person."""

    error = "not_found"
    status_code = 404
    redirectable = False


class UnprocessableRequest(InvalidRequest):
    """rfc9110 §15.5.21: the request is well-formed, but cannot be carried out."""

    status_code = 422
    redirectable = False


class InvalidToken(ProtocolError):
    """rfc6750 §3.1: the access token is unknown, expired or revoked."""

    error = "invalid_token"
    status_code = 401
    redirectable = False


class MissingToken(InvalidToken):
    """rfc6750 §3.1: without any token the challenge 'SHOULD NOT include an error code'."""


class MissingSession(MissingToken):
    """A missing token at the account API, with a code that differs from that of a revoked token."""

    error = "missing_token"


class RefusedProof(InvalidToken):
    """rfc9449 §7.1: at a resource, the proof that came with the access token is invalid."""

    error = "invalid_dpop_proof"


class WantedNonce(InvalidToken):
    """rfc9449 §9: at a resource, the proof must contain the nonce that is sent with this response."""

    error = "use_dpop_nonce"


class InsufficientScope(ProtocolError):
    """rfc6750 §3.1: the token is valid, but lacks the scope for this."""

    error = "insufficient_scope"
    status_code = 403
    redirectable = False

    def __init__(self, description: str = "", *, detail: str = "", scope: str = "") -> None:
        super().__init__(description, detail=detail)
        self.scope = scope


class InsufficientUserAuthentication(InvalidToken):
    """rfc9470 §3: the person has to sign in again, because the last sign-in is too old for this act."""

    error = "insufficient_user_authentication"

    def __init__(self, description: str = "", *, detail: str = "", max_age: int = 0) -> None:
        super().__init__(description, detail=detail)
        self.max_age = max_age
