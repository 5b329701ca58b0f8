"""The checks of an Authentication Request, one for each parameter: a value, or the registered error.

core §3.1.2.1, Multiple Response Types, rfc7636, rfc9449 and core §5.5. `provider.oauth.authorization.request`
lists them in their order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.clients import resources
from provider.infrastructure import current
from provider.protocol.claims_request import NO_CLAIMS, ClaimsRequest, read_claims_request
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.errors import (
    InvalidRequest,
    InvalidScope,
    RegistrationNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from provider.protocol.resource_indicator import read_resources
from provider.protocol.response_type import (
    CODE,
    FRONT_CHANNEL_TYPES,
    ID_TOKEN,
    KNOWN_TYPES,
    RESPONSE_MODES,
    TOKEN,
    ResponseMode,
    ResponseType,
    asked_mode,
    default_mode,
    parts_of,
    response_mode_for,
)
from provider.protocol.scopes import (
    ADMIN_SCOPES,
    CLAIMS_OF_SCOPE,
    CLIENT_SCOPES,
    OPENID,
    PERSONAL_SCOPES,
    names_for,
)

DISPLAYS = ("page", "popup", "touch", "wap")
PROMPTS = ("none", "login", "consent", "select_account")
# rfc7636 §4.2: BASE64URL(SHA256(…)) has 43 characters, never more or fewer.
_CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# rfc7638 §3.1: a thumbprint by SHA-256 has the same form.
_THUMBPRINT = _CODE_CHALLENGE
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
# The parameters to park while a person answers; core §3.1.2.1: any other one is ignored.
KNOWN_PARAMETERS = frozenset(
    {
        *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
        *("prompt", "max_age", "id_token_hint", "login_hint", "ui_locales", "acr_values"),
        *("code_challenge", "code_challenge_method", "resource", "dpop_jkt", "claims"),
    }
)
_NEVER_PARKED = frozenset({"id_token_hint"})
_RESERVED_SCOPES = frozenset((*PERSONAL_SCOPES, *ADMIN_SCOPES))
# The size limit of a whole request, in parameters of the largest size.
_MOST_PARAMETERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The request as checks see it: its parameters, the client's metadata, and the values read so far."""

    parameters: Mapping[str, str] = field(repr=False)
    metadata: ClientMetadata
    # Keyed by the field names of AuthorizationRequest.
    values: dict[str, Any] = field(default_factory=dict, repr=False)


def refuse_registration(sent: Sent) -> None:
    """Refuse a client that describes itself in its request (core §7.2.1)."""
    if "registration" in sent.parameters:
        raise RegistrationNotSupported("the parameter registration is not supported")


def check_size(sent: Sent) -> None:
    """Refuse a request too large to park, even if it need not be parked: it works always or never."""
    limit = _MOST_PARAMETERS * current.settings().max_parameter_bytes
    if len("".join(to_park(sent.parameters).values()).encode("utf-8", "replace")) > limit:
        raise InvalidRequest(f"the parameters are longer than {limit} bytes in all")


def check_display(sent: Sent) -> None:
    """Refuse an unknown display value; core §15.1: all values get the same page."""
    if sent.parameters.get("display", "page") not in DISPLAYS:
        raise InvalidRequest(f"display must be one of {', '.join(DISPLAYS)}")


def read_targets(sent: Sent) -> tuple[str, ...]:
    """Return the resource servers that the tokens are meant for, which must be registered (rfc8707 §2)."""
    return tuple(target.identifier for target in resources.check(read_resources(sent.parameters)))


def read_servers(sent: Sent) -> tuple[str, ...]:
    """Return the resource servers other than the provider itself; the person is asked about these."""
    return resources.servers_among(sent.values["resources"])


def read_response_type(sent: Sent) -> ResponseType:
    """Return the requested response type, which we must offer and the client must have registered."""
    asked, metadata = sent.parameters.get("response_type"), sent.metadata
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
    # rfc9449, rfc8705: a token that passes through a browser cannot be bound to a key.
    if TOKEN in response_type and metadata.has_bound_tokens:
        raise UnauthorizedClient("the client's access tokens are bound to a key")
    return response_type


def _why_not_offered(response_type: ResponseType) -> str:
    """Return an error description with the response types offered, or the setting for this one."""
    if response_type in KNOWN_TYPES:
        return f"the only response_type is {CODE}; CURFEW_HYBRID_RESPONSE_TYPES=true adds those with tokens"
    offered = (CODE, *FRONT_CHANNEL_TYPES) if current.settings().hybrid_response_types else (CODE,)
    return f"this response_type is not supported; it must be one of: {', '.join(offered)}"


def offered_response_types() -> list[ResponseType]:
    """Return the response types offered; rfc9700 §2.1.2: those with tokens are for legacy clients."""
    offered = (CODE, *FRONT_CHANNEL_TYPES) if current.settings().hybrid_response_types else (CODE,)
    return list(map(parts_of, offered))


def read_response_mode(sent: Sent) -> ResponseMode:
    """Return how the response is sent to the client."""
    response_type: ResponseType = sent.values["response_type"]
    named = sent.parameters.get("response_mode", default_mode(response_type))
    if named not in RESPONSE_MODES:
        raise InvalidRequest(f"response_mode must be one of {', '.join(RESPONSE_MODES)}")
    asked = asked_mode(named, response_type)
    if asked.carrier != response_mode_for(sent.parameters).carrier:
        raise InvalidRequest(
            "this response_mode cannot be used with this response_type or with a private-use URI scheme"
        )
    # jarm §3: 'If this is specified, the response will be signed'.
    if sent.metadata.has_signed_responses and not asked.signed:
        raise InvalidRequest(
            "the client has registered authorization_signed_response_alg: "
            "response_mode must be jwt or end with .jwt"
        )
    return asked


def read_nonce(sent: Sent) -> str | None:
    """Return the nonce, which some response types require."""
    nonce = sent.parameters.get("nonce")
    if ID_TOKEN in sent.values["response_type"]:
        # core §3.2.2.1, §3.3.2.11: an ID Token that comes through the browser is bound to its request.
        if nonce is None:
            raise InvalidRequest("the parameter nonce is missing")
        if OPENID not in sent.values["scopes"]:
            raise InvalidRequest("an ID Token requires the scope openid")
    return nonce


def read_scopes(sent: Sent) -> tuple[str, ...]:
    """Return the scopes asked for; core §3.1.2.1: unknown ones 'SHOULD be ignored'."""
    asked, metadata = dict.fromkeys(sent.parameters.get("scope", "").split()), sent.metadata
    known = tuple([scope for scope in asked if metadata.may_use_scope(scope)])
    forbidden = [s for s in asked if s in _RESERVED_SCOPES and s not in known]
    # Clients get these scopes for themselves; no person can grant them.
    forbidden += [s for s in asked if s in CLIENT_SCOPES]
    if forbidden:
        raise InvalidScope(f"the client is not registered for the scope {' '.join(forbidden)}")
    if not known:
        raise InvalidScope("none of the requested scopes is available to this client")
    return known


def read_code_challenge(sent: Sent) -> str | None:
    """Return the PKCE challenge, which some clients must send (rfc7636 §4.3)."""
    challenge = sent.parameters.get("code_challenge")
    method = sent.parameters.get("code_challenge_method")
    if challenge is None:
        gets_code = CODE in sent.values["response_type"]
        if method is not None or (sent.metadata.must_use_pkce and gets_code):
            raise InvalidRequest("the parameter code_challenge is missing")
        return None
    # rfc7636 §4.3 reads a missing method as `plain`, which is no protection once the request is seen.
    if method != "S256":
        raise InvalidRequest("the only code_challenge_method is S256")
    if not _CODE_CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("code_challenge must be 43 characters of base64url")
    return challenge


def read_prompt(sent: Sent) -> frozenset[str]:
    """Return the prompt values: what the person is to be asked."""
    asked = frozenset(sent.parameters.get("prompt", "").split())
    if not asked <= set(PROMPTS):
        raise InvalidRequest(f"prompt may hold {', '.join(PROMPTS)}")
    # core §3.1.2.1: 'If this parameter contains none with any other value, an error is returned.'
    if "none" in asked and len(asked) > 1:
        raise InvalidRequest("prompt=none cannot be combined with other values")
    return asked


def read_max_age(sent: Sent) -> int | None:
    """Return the greatest allowed age of the sign-in in seconds, or None for any."""
    asked = sent.parameters.get("max_age")
    if asked is None:
        return sent.metadata.default_max_age
    if not _SECONDS.fullmatch(asked):
        raise InvalidRequest("max_age must be a number of seconds")
    return int(asked)


def read_claims(sent: Sent) -> ClaimsRequest:
    """Return the individual claims that are requested (core §5.5)."""
    if "claims" not in sent.parameters:
        return NO_CLAIMS
    # SEC-1021: a claim of a scope that the client may not request cannot be requested by name either.
    barred = names_for([scope for scope in CLAIMS_OF_SCOPE if not sent.metadata.may_use_scope(scope)])
    return read_claims_request(sent.parameters["claims"]).without(barred)


def read_dpop_jkt(sent: Sent) -> str | None:
    """Return the key that the tokens are to be bound to (rfc9449 §10)."""
    asked = sent.parameters.get("dpop_jkt")
    if asked is not None and not _THUMBPRINT.fullmatch(asked):
        raise InvalidRequest("dpop_jkt must be 43 characters of base64url")
    return asked


def to_park(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that are kept while a request waits.

    They include neither the client's secrets nor the ID Token of a hint: only its proven `sub` is kept, apart
    from these parameters.
    """
    return {name: value for name, value in parameters.items() if name in KNOWN_PARAMETERS - _NEVER_PARKED}
