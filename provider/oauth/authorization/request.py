"""An Authentication Request as the client sent it (core §3.1.2.1), read once and validated.

Written by ourselves: Authlib validates as much as OAuth 2.0 asks for, in an order that has redirected
errors to unproven addresses before (ABU-34, ABU-35).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.clients import resources
from provider.clients.models import Client
from provider.infrastructure import current
from provider.oauth.authorization.parameters import (
    check_display,
    read_claims,
    read_code_challenge,
    read_dpop_jkt,
    read_max_age,
    read_nonce,
    read_prompt,
    read_response_mode,
    read_response_type,
    read_scopes,
)
from provider.oauth.client_proof.refusals import concerning, explain, unknown_client
from provider.oauth.client_proof.registered_client import RegisteredClient, find_active
from provider.protocol.claims_request import NO_CLAIMS, ClaimsRequest
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.errors import (
    InvalidRedirectURI,
    InvalidRequest,
    RegistrationNotSupported,
    UnknownClient,
)
from provider.protocol.redirect_uri import matches, shown
from provider.protocol.resource_indicator import read_resources
from provider.protocol.response_type import CODE_ONLY, ResponseMode, ResponseType
from provider.protocol.scopes import STANDARD_CLAIMS, names_for

# What is parked while a person answers; core §3.1.2.1: any other parameter is ignored.
KNOWN_PARAMETERS = frozenset(
    {
        *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
        *("prompt", "max_age", "id_token_hint", "login_hint", "ui_locales", "acr_values"),
        *("code_challenge", "code_challenge_method", "resource", "dpop_jkt", "claims"),
    }
)
# How many parameters of the largest size a request may have.
_MOST_PARAMETERS = 2
_NEVER_PARKED = frozenset({"id_token_hint"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What a client asks for; everything in it has been validated but the hint, which others must verify."""

    redirect_uri: str
    scopes: tuple[str, ...]
    response_type: ResponseType = CODE_ONLY
    response_mode: ResponseMode = ResponseMode()  # noqa: RUF009 – it is a tuple.
    state: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    code_challenge: str | None = field(default=None, repr=False)
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    id_token_hint: str | None = field(default=None, repr=False)
    claims: ClaimsRequest = NO_CLAIMS
    # rfc8707 §2: where the access tokens will be used.
    resources: tuple[str, ...] = ()
    # Those of them that are not the provider itself, about which a person is asked.
    servers: tuple[str, ...] = ()
    # rfc9449 §10: the key that the tokens will be bound to.
    dpop_jkt: str | None = None

    @classmethod
    def read(
        cls, parameters: Mapping[str, str], metadata: ClientMetadata, redirect_uri: str
    ) -> "AuthorizationRequest":
        """Validate everything but the client and the redirect URI, which `find_target` has proven."""
        if "registration" in parameters:
            raise RegistrationNotSupported("the parameter registration is not supported")
        _check_size(parameters)
        check_display(parameters)
        targets = [target.identifier for target in resources.check(read_resources(parameters))]
        response_type = read_response_type(parameters, metadata)
        scopes = read_scopes(parameters, metadata)
        return cls(
            redirect_uri=redirect_uri,
            scopes=scopes,
            response_type=response_type,
            response_mode=read_response_mode(parameters, metadata, response_type),
            state=parameters.get("state"),
            nonce=read_nonce(parameters, response_type, scopes),
            code_challenge=read_code_challenge(parameters, metadata),
            prompt=read_prompt(parameters),
            max_age=read_max_age(parameters, metadata),
            id_token_hint=parameters.get("id_token_hint"),
            claims=read_claims(parameters, metadata),
            resources=tuple(targets),
            servers=resources.servers_among(targets),
            dpop_jkt=read_dpop_jkt(parameters),
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
        raise unknown_client(parameters["client_id"])
    with concerning(found.client):
        return found.client, _registered_uri(found, parameters.get("redirect_uri"))


def _registered_uri(found: RegisteredClient, asked: str | None) -> str:
    if asked is None:
        raise InvalidRedirectURI("the parameter redirect_uri is missing")
    # core §3.1.2.1: 'MUST exactly match one of the Redirection URI values for the Client pre-registered'.
    if not matches(found.metadata.redirect_uris, asked, native=found.metadata.is_native):
        told = f"{shown(asked)} for the client_id {found.client.client_id}"
        exc = InvalidRedirectURI(f"the redirect_uri is not registered for this app: {told}")
        explain(exc, found.client, refused=shown(asked))
        raise exc
    return asked


def to_park(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that are kept while a request waits.

    Secrets of the client are not among them, nor is the ID Token of a hint: only the `sub` that it proves is
    kept, apart from what the client sent.
    """
    return {name: value for name, value in parameters.items() if name in KNOWN_PARAMETERS - _NEVER_PARKED}


def _check_size(parameters: Mapping[str, str]) -> None:
    """Refuse what is too much to park, also where it need not be parked: a request works always or never."""
    limit = _MOST_PARAMETERS * current.settings().max_parameter_bytes
    if sum(len(value.encode("utf-8", "replace")) for value in to_park(parameters).values()) > limit:
        raise InvalidRequest(f"the parameters are longer than {limit} bytes in all")
