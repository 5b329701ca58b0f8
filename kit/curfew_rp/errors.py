"""All errors: of a Logout Token, of its request, and of the services that this app depends on.

Each rule that a token can break has a class of its own and a stable `code`, for logs and for the response.
"""

from typing import ClassVar


class CannotTell(Exception):
    """A service that this app depends on is unavailable, so there is no decision; the response is 503."""


class StoreUnavailable(CannotTell):
    """The store does not answer, or answers with an error."""


class ProviderUnreachable(CannotTell):
    """The provider does not answer, or does not return the documents that it must publish."""


class AppFailed(CannotTell):
    """The app's own `on_logout` failed, so its sessions may not be deleted yet."""


class InvalidLogoutRequest(Exception):
    """The request is rejected with 400; `code` identifies the rule, and `description` says what is wrong."""

    code: ClassVar[str] = "invalid_request"

    def __init__(self, description: str) -> None:
        super().__init__(f"{self.code}: {description}")
        self.description = description


class NotAForm(InvalidLogoutRequest):
    """The body is not application/x-www-form-urlencoded (backchannel §2.5)."""

    code = "not_a_form"


class BodyTooLarge(InvalidLogoutRequest):
    """The body is larger than any Logout Token."""

    code = "body_too_large"


class TokenMissing(InvalidLogoutRequest):
    """The form has no logout_token, or several (backchannel §2.5)."""

    code = "token_missing"


class InvalidLogoutToken(InvalidLogoutRequest):
    """The token failed a step of backchannel §2.6."""

    code = "invalid_token"


class TokenTooLarge(InvalidLogoutToken):
    """The token is larger than any provider sends."""

    code = "token_too_large"


class NotAJWT(InvalidLogoutToken):
    """The token is not a JSON Web Signature in compact form whose parts are JSON objects."""

    code = "not_a_jwt"


class TokenEncrypted(InvalidLogoutToken):
    """The token is encrypted, which the kit does not support (step 1)."""

    code = "token_encrypted"


class WrongTyp(InvalidLogoutToken):
    """The `typ` header is that of another kind of token (backchannel §2.4, rfc8725 §3.11)."""

    code = "wrong_typ"


class UnknownCriticalHeader(InvalidLogoutToken):
    """The `crit` header requires an extension that is not understood (rfc7515 §4.1.11)."""

    code = "unknown_crit"


class AlgorithmNotAllowed(InvalidLogoutToken):
    """The algorithm is not one of those that this app accepts (step 3)."""

    code = "algorithm_not_allowed"


class UnknownKey(InvalidLogoutToken):
    """The provider publishes no key with this `kid` (step 2)."""

    code = "unknown_key"


class BadSignature(InvalidLogoutToken):
    """No key of the provider has made this signature (step 2)."""

    code = "bad_signature"


class WrongIssuer(InvalidLogoutToken):
    """The issuer is not the provider of this app (steps 4 and 9)."""

    code = "wrong_iss"


class WrongAudience(InvalidLogoutToken):
    """The audience is not this app alone (step 4)."""

    code = "wrong_aud"


class IssuedInTheFuture(InvalidLogoutToken):
    """`iat` is missing, not a number or in the future (step 4)."""

    code = "wrong_iat"


class TokenExpired(InvalidLogoutToken):
    """`exp` is missing, not a number or has passed (step 4)."""

    code = "expired"


class NotYetValid(InvalidLogoutToken):
    """`nbf` is not a number or lies in the future (rfc7519 §4.1.5)."""

    code = "not_yet_valid"


class LivesTooLong(InvalidLogoutToken):
    """The time from `iat` to `exp` is longer than this app accepts (backchannel §4)."""

    code = "lives_too_long"


class MissingJTI(InvalidLogoutToken):
    """`jti` is missing or not a short text (backchannel §2.4)."""

    code = "missing_jti"


class NamesNoSession(InvalidLogoutToken):
    """Neither `sub` nor `sid` is present, or one of them is not a short text (step 5)."""

    code = "names_no_session"


class NotALogoutEvent(InvalidLogoutToken):
    """`events` does not have the back-channel logout member with an object as its value (step 6)."""

    code = "not_a_logout_event"


class NonceProhibited(InvalidLogoutToken):
    """The token has a `nonce`: it could be an ID Token (step 7)."""

    code = "nonce_prohibited"


class TokenReplayed(InvalidLogoutToken):
    """A token with this `jti` was accepted before (step 8)."""

    code = "replayed"


class SubjectMismatch(InvalidLogoutToken):
    """`sid` names a session of another `sub` (steps 10 and 11)."""

    code = "sub_mismatch"
