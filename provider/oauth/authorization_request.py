"""An Authentication Request as the client sent it (core §3.1.2.1), read once and validated.

Written by ourselves: Authlib validates as much as OAuth 2.0 asks for, in an order that has redirected
errors to unproven addresses before (ABU-34, ABU-35).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.clients import resources
from provider.clients.models import Client
from provider.infrastructure import current
from provider.oauth.registered_client import find_active
from provider.protocol.claims_request import NO_CLAIMS, ClaimsRequest, read_claims_request
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.errors import (
    InvalidRedirectURI,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    RegistrationNotSupported,
    UnauthorizedClient,
    UnknownClient,
    UnsupportedResponseType,
)
from provider.protocol.redirect_uri import matches
from provider.protocol.resource_indicator import MalformedIdentifier, check_identifier
from provider.protocol.response_type import (
    CODE,
    CODE_ONLY,
    FORM_POST,
    FRONT_CHANNEL_TYPES,
    ID_TOKEN,
    QUERY,
    RESPONSE_MODES,
    TOKEN,
    ResponseType,
    answering_mode,
    default_mode,
    parts_of,
)
from provider.protocol.scopes import (
    CLAIMS_OF_SCOPE,
    CLIENT_SCOPES,
    OPENID,
    PERSONAL_SCOPES,
    STANDARD_CLAIMS,
    names_for,
)

DISPLAYS = ("page", "popup", "touch", "wap")
PROMPTS = ("none", "login", "consent", "select_account")
# rfc7636 §4.2: BASE64URL(SHA256(…)) has 43 characters, never more or fewer.
_CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# rfc7638 §3.1: a thumbprint by SHA-256 has the same form.
_THUMBPRINT = _CODE_CHALLENGE
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
# What is parked while a person answers; core §3.1.2.1: any other parameter is ignored.
KNOWN_PARAMETERS = frozenset(
    {
        *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
        *("prompt", "max_age", "id_token_hint", "login_hint", "ui_locales", "acr_values"),
        *("code_challenge", "code_challenge_method", "resource", "dpop_jkt", "claims"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What a client asks for; everything in it has been validated but the hint, which others must verify."""

    redirect_uri: str
    scopes: tuple[str, ...]
    response_type: ResponseType = CODE_ONLY
    response_mode: str = QUERY
    state: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    code_challenge: str | None = field(default=None, repr=False)
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    id_token_hint: str | None = field(default=None, repr=False)
    claims: ClaimsRequest = NO_CLAIMS
    # rfc8707 §2: where the access tokens will be used.
    resources: tuple[str, ...] = ()
    # rfc9449 §10: the key that the tokens will be bound to.
    dpop_jkt: str | None = None

    @classmethod
    def read(
        cls, parameters: Mapping[str, str], metadata: ClientMetadata, redirect_uri: str
    ) -> "AuthorizationRequest":
        """Validate everything but the client and the redirect URI, which `find_target` has proven."""
        if "registration" in parameters:
            raise RegistrationNotSupported("the parameter registration is not supported")
        # core §15.1: there is one page for all of them, but what is no display is a mistake.
        if parameters.get("display", "page") not in DISPLAYS:
            raise InvalidRequest(f"display must be one of {', '.join(DISPLAYS)}")
        targets = resources.check(read_resources(parameters))
        response_type = _read_response_type(parameters, metadata)
        scopes = _read_scopes(parameters, metadata)
        return cls(
            redirect_uri=redirect_uri,
            scopes=scopes,
            response_type=response_type,
            response_mode=_read_response_mode(parameters, response_type),
            state=parameters.get("state"),
            nonce=_read_nonce(parameters, response_type, scopes),
            code_challenge=_read_code_challenge(parameters, metadata),
            prompt=_read_prompt(parameters),
            max_age=_read_max_age(parameters, metadata),
            id_token_hint=parameters.get("id_token_hint"),
            claims=_read_claims(parameters, metadata),
            resources=tuple(target.identifier for target in targets),
            dpop_jkt=_read_dpop_jkt(parameters),
        )

    @property
    def about_tokens(self) -> dict[str, Any]:
        """What the code remembers for the tokens that it will be exchanged for."""
        said = {"resources": list(self.resources), "dpop_jkt": self.dpop_jkt}
        return {name: value for name, value in said.items() if value}

    def claims_beyond(self, scopes: Collection[str]) -> tuple[str, ...]:
        """Return the claims asked for by name that these scopes do not cover, in a stable order."""
        names = self.claims.names & (frozenset(STANDARD_CLAIMS) - {"sub"})
        return tuple(sorted(names - names_for(scopes)))


def find_target(parameters: Mapping[str, str]) -> tuple[Client, str]:
    """Return the client and the redirect URI that it registered; without these no error may be redirected."""
    if "client_id" not in parameters:
        raise UnknownClient("the parameter client_id is missing")
    found = find_active(parameters["client_id"])
    if found is None:
        raise UnknownClient("no app is registered under this client_id")
    asked = parameters.get("redirect_uri")
    if asked is None:
        raise InvalidRedirectURI("the parameter redirect_uri is missing")
    # core §3.1.2.1: 'MUST exactly match one of the Redirection URI values for the Client pre-registered'.
    if not matches(found.metadata.redirect_uris, asked, native=found.metadata.is_native):
        raise InvalidRedirectURI("the redirect_uri is not registered for this app")
    return found.client, asked


def to_park(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that are kept while a request waits; secrets of the client are not among them."""
    return {name: value for name, value in parameters.items() if name in KNOWN_PARAMETERS}


def read_resources(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the resources that a request names, each once; whether they exist is asked elsewhere."""
    named = tuple(dict.fromkeys(parameters.get("resource", "").split()))
    for identifier in named:
        try:
            check_identifier(identifier)
        except MalformedIdentifier as exc:
            raise InvalidTarget(f"a resource {exc}") from exc
    return named


def _read_response_type(parameters: Mapping[str, str], metadata: ClientMetadata) -> ResponseType:
    asked = parameters.get("response_type")
    if asked is None:
        raise InvalidRequest("the parameter response_type is missing")
    response_type = parts_of(asked)
    if response_type not in offered_response_types():
        raise UnsupportedResponseType("this response_type is not offered")
    if response_type not in map(parts_of, metadata.response_types):
        raise UnauthorizedClient("the client is not registered for this response_type")
    # rfc9449, rfc8705: what passes through a browser is bound to nothing.
    if TOKEN in response_type and metadata.has_bound_tokens:
        raise UnauthorizedClient("the client's access tokens are bound to a key")
    return response_type


def offered_response_types() -> list[ResponseType]:
    """Return what may be asked for; rfc9700 §2.1.2: tokens from here are for legacy clients."""
    offered = (CODE, *FRONT_CHANNEL_TYPES) if current.settings().hybrid_response_types else (CODE,)
    return list(map(parts_of, offered))


def _read_response_mode(parameters: Mapping[str, str], response_type: ResponseType) -> str:
    asked = parameters.get("response_mode", default_mode(response_type))
    if asked not in RESPONSE_MODES:
        raise InvalidRequest(f"response_mode must be one of {', '.join(RESPONSE_MODES)}")
    if asked != answering_mode(parameters):
        raise InvalidRequest("response_mode query is not for tokens")
    if asked == FORM_POST and not parameters["redirect_uri"].startswith(("https:", "http:")):
        raise InvalidRequest("no form can be posted to an app's own scheme")
    return asked


def _read_nonce(
    parameters: Mapping[str, str], response_type: ResponseType, scopes: tuple[str, ...]
) -> str | None:
    nonce = parameters.get("nonce")
    if ID_TOKEN in response_type:
        # core §3.2.2.1, §3.3.2.11: an ID Token that comes through the browser is bound to its request.
        if nonce is None:
            raise InvalidRequest("the parameter nonce is missing")
        if OPENID not in scopes:
            raise InvalidRequest("an ID Token needs the scope openid")
    return nonce


def _read_scopes(parameters: Mapping[str, str], metadata: ClientMetadata) -> tuple[str, ...]:
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


def _read_code_challenge(parameters: Mapping[str, str], metadata: ClientMetadata) -> str | None:
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


def _read_prompt(parameters: Mapping[str, str]) -> frozenset[str]:
    asked = frozenset(parameters.get("prompt", "").split())
    if not asked <= set(PROMPTS):
        raise InvalidRequest(f"prompt may hold {', '.join(PROMPTS)}")
    # core §3.1.2.1: 'If this parameter contains none with any other value, an error is returned.'
    if "none" in asked and len(asked) > 1:
        raise InvalidRequest("prompt none goes with no other value")
    return asked


def _read_max_age(parameters: Mapping[str, str], metadata: ClientMetadata) -> int | None:
    asked = parameters.get("max_age")
    if asked is None:
        return metadata.default_max_age
    if not _SECONDS.fullmatch(asked):
        raise InvalidRequest("max_age must be a number of seconds")
    return int(asked)


def _read_claims(parameters: Mapping[str, str], metadata: ClientMetadata) -> ClaimsRequest:
    if "claims" not in parameters:
        return NO_CLAIMS
    # SEC-1021: a claim whose scope the client may not ask for is not had by its own name either.
    barred = names_for([scope for scope in CLAIMS_OF_SCOPE if not metadata.may_use_scope(scope)])
    return read_claims_request(parameters["claims"]).without(barred)


def _read_dpop_jkt(parameters: Mapping[str, str]) -> str | None:
    asked = parameters.get("dpop_jkt")
    if asked is not None and not _THUMBPRINT.fullmatch(asked):
        raise InvalidRequest("dpop_jkt must be 43 characters of base64url")
    return asked
