"""How each parameter of an Authentication Request is read: a value, or the registered error.

core §3.1.2.1, Multiple Response Types, rfc7636, rfc9449 and core §5.5; the request as a whole is
`provider.oauth.authorization.request`.
"""

import re
from collections.abc import Mapping

from provider.infrastructure import current
from provider.protocol.claims_request import NO_CLAIMS, ClaimsRequest, read_claims_request
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.errors import (
    InvalidRequest,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from provider.protocol.response_type import (
    CODE,
    FRONT_CHANNEL_TYPES,
    ID_TOKEN,
    KNOWN_TYPES,
    RESPONSE_MODES,
    TOKEN,
    ResponseMode,
    ResponseType,
    answering_mode,
    asked_mode,
    default_mode,
    parts_of,
)
from provider.protocol.scopes import CLAIMS_OF_SCOPE, CLIENT_SCOPES, OPENID, PERSONAL_SCOPES, names_for

DISPLAYS = ("page", "popup", "touch", "wap")
PROMPTS = ("none", "login", "consent", "select_account")
# rfc7636 §4.2: BASE64URL(SHA256(…)) has 43 characters, never more or fewer.
_CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# rfc7638 §3.1: a thumbprint by SHA-256 has the same form.
_THUMBPRINT = _CODE_CHALLENGE
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_response_type(parameters: Mapping[str, str], metadata: ClientMetadata) -> ResponseType:
    """Return what the client asks for, which must be offered to all and registered for itself."""
    asked = parameters.get("response_type")
    if asked is None:
        raise InvalidRequest("the parameter response_type is missing")
    response_type = parts_of(asked)
    if response_type not in offered_response_types():
        raise UnsupportedResponseType(_why_not_offered(response_type))
    if response_type not in map(parts_of, metadata.response_types):
        registered = ", ".join(metadata.response_types) or "none"
        raise UnauthorizedClient(
            f"the client is not registered for this response_type; its response_types are: {registered}"
        )
    # rfc9449, rfc8705: what passes through a browser is bound to nothing.
    if TOKEN in response_type and metadata.has_bound_tokens:
        raise UnauthorizedClient("the client's access tokens are bound to a key")
    return response_type


def _why_not_offered(response_type: ResponseType) -> str:
    """Return what is offered instead, and the setting that offers more, if it would."""
    if response_type in KNOWN_TYPES:
        return f"the only response_type is {CODE}; CURFEW_HYBRID_RESPONSE_TYPES=true adds those with tokens"
    offered = (CODE, *FRONT_CHANNEL_TYPES) if current.settings().hybrid_response_types else (CODE,)
    return f"this response_type is not offered; it must be one of: {', '.join(offered)}"


def offered_response_types() -> list[ResponseType]:
    """Return what may be asked for; rfc9700 §2.1.2: tokens from here are for legacy clients."""
    offered = (CODE, *FRONT_CHANNEL_TYPES) if current.settings().hybrid_response_types else (CODE,)
    return list(map(parts_of, offered))


def read_response_mode(
    parameters: Mapping[str, str], metadata: ClientMetadata, response_type: ResponseType
) -> ResponseMode:
    """Return how the answer is to travel."""
    named = parameters.get("response_mode", default_mode(response_type))
    if named not in RESPONSE_MODES:
        raise InvalidRequest(f"response_mode must be one of {', '.join(RESPONSE_MODES)}")
    asked = asked_mode(named, response_type)
    if asked.carrier != answering_mode(parameters).carrier:
        raise InvalidRequest("this response_mode is not for tokens, or not for an app's own scheme")
    # jarm §3: 'If this is specified, the response will be signed'.
    if metadata.has_signed_answers and not asked.signed:
        raise InvalidRequest(
            "the client has registered authorization_signed_response_alg: "
            "response_mode must be jwt or end with .jwt"
        )
    return asked


def read_nonce(
    parameters: Mapping[str, str], response_type: ResponseType, scopes: tuple[str, ...]
) -> str | None:
    """Return the nonce, which not every request may do without."""
    nonce = parameters.get("nonce")
    if ID_TOKEN in response_type:
        # core §3.2.2.1, §3.3.2.11: an ID Token that comes through the browser is bound to its request.
        if nonce is None:
            raise InvalidRequest("the parameter nonce is missing")
        if OPENID not in scopes:
            raise InvalidRequest("an ID Token needs the scope openid")
    return nonce


def read_scopes(parameters: Mapping[str, str], metadata: ClientMetadata) -> tuple[str, ...]:
    """Return the scopes asked for; core §3.1.2.1: those that nobody knows 'SHOULD be ignored'."""
    asked = dict.fromkeys(parameters.get("scope", "").split())
    forbidden = [s for s in asked if s in PERSONAL_SCOPES and not metadata.may_use_scope(s)]
    # A person cannot allow what is no person's to allow.
    forbidden += [s for s in asked if s in CLIENT_SCOPES]
    if forbidden:
        raise InvalidScope(f"the client is not registered for the scope {' '.join(forbidden)}")
    known = tuple(scope for scope in asked if metadata.may_use_scope(scope))
    if not known:
        raise InvalidScope("no scope that is known was asked for")
    return known


def read_code_challenge(parameters: Mapping[str, str], metadata: ClientMetadata) -> str | None:
    """Return the challenge of PKCE, which not every client may do without (rfc7636 §4.3)."""
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        gets_code = CODE in parts_of(parameters["response_type"])
        if method is not None or (metadata.must_use_pkce and gets_code):
            raise InvalidRequest("the parameter code_challenge is missing")
        return None
    # rfc7636 §4.3 reads a missing method as `plain`, which protects from nobody who sees the request.
    if method != "S256":
        raise InvalidRequest("the only code_challenge_method is S256")
    if not _CODE_CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("code_challenge must be 43 characters of base64url")
    return challenge


def read_prompt(parameters: Mapping[str, str]) -> frozenset[str]:
    """Return what the person is to be asked."""
    asked = frozenset(parameters.get("prompt", "").split())
    if not asked <= set(PROMPTS):
        raise InvalidRequest(f"prompt may hold {', '.join(PROMPTS)}")
    # core §3.1.2.1: 'If this parameter contains none with any other value, an error is returned.'
    if "none" in asked and len(asked) > 1:
        raise InvalidRequest("prompt none goes with no other value")
    return asked


def read_max_age(parameters: Mapping[str, str], metadata: ClientMetadata) -> int | None:
    """Return how many seconds ago the person may have signed in, if that matters."""
    asked = parameters.get("max_age")
    if asked is None:
        return metadata.default_max_age
    if not _SECONDS.fullmatch(asked):
        raise InvalidRequest("max_age must be a number of seconds")
    return int(asked)


def read_claims(parameters: Mapping[str, str], metadata: ClientMetadata) -> ClaimsRequest:
    """Return which single claims are asked for (core §5.5)."""
    if "claims" not in parameters:
        return NO_CLAIMS
    # SEC-1021: a claim whose scope the client may not ask for is not had by its own name either.
    barred = names_for([scope for scope in CLAIMS_OF_SCOPE if not metadata.may_use_scope(scope)])
    return read_claims_request(parameters["claims"]).without(barred)


def read_dpop_jkt(parameters: Mapping[str, str]) -> str | None:
    """Return the key that the tokens are to be bound to (rfc9449 §10)."""
    asked = parameters.get("dpop_jkt")
    if asked is not None and not _THUMBPRINT.fullmatch(asked):
        raise InvalidRequest("dpop_jkt must be 43 characters of base64url")
    return asked


def check_display(parameters: Mapping[str, str]) -> None:
    """Refuse what is no display; core §15.1: there is one page for all of them."""
    if parameters.get("display", "page") not in DISPLAYS:
        raise InvalidRequest(f"display must be one of {', '.join(DISPLAYS)}")
