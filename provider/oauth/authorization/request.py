"""An Authentication Request as the client sent it (core §3.1.2.1), read once and validated.

Not left to Authlib, which validates only what OAuth 2.0 requires, in an order that has caused errors to be
redirected to unproven addresses (ABU-34, ABU-35).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.clients.models import Client
from provider.clients.queries import read_by_client_id
from provider.oauth.authorization.parameters import (
    Sent,
    check_display,
    check_size,
    read_claims,
    read_code_challenge,
    read_dpop_jkt,
    read_max_age,
    read_nonce,
    read_prompt,
    read_response_mode,
    read_response_type,
    read_scopes,
    read_servers,
    read_targets,
    refuse_registration,
)
from provider.oauth.client_proof.refusals import Concerning, explain, unknown_client
from provider.oauth.client_proof.registered_client import RegisteredClient, as_active
from provider.protocol.claims_request import NO_CLAIMS, ClaimsRequest
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.errors import (
    InvalidRedirectURI,
    UnknownClient,
)
from provider.protocol.redirect_uri import matches, shown
from provider.protocol.response_type import CODE_ONLY, ResponseMode, ResponseType
from provider.protocol.scopes import STANDARD_CLAIMS, names_for

Check = Callable[[Sent], Any]
_CLAIMS_OF_PEOPLE = frozenset(STANDARD_CLAIMS) - {"sub"}
# The checks once client and redirect URI are proven, in this order: the first error is sent to the app. A
# named check reads the field of that name for itself and for the checks below it; the others only refuse.
CHECKS: tuple[tuple[str | None, Check], ...] = (
    (None, refuse_registration),
    (None, check_size),
    (None, check_display),
    ("resources", read_targets),
    ("servers", read_servers),
    ("response_type", read_response_type),
    ("scopes", read_scopes),
    ("response_mode", read_response_mode),
    ("nonce", read_nonce),
    ("code_challenge", read_code_challenge),
    ("prompt", read_prompt),
    ("max_age", read_max_age),
    ("claims", read_claims),
    ("dpop_jkt", read_dpop_jkt),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A validated request; only the hint remains to be verified by the caller."""

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
    # The resource servers other than the provider itself; the person is asked about these.
    servers: tuple[str, ...] = ()
    # rfc9449 §10: the key that the tokens will be bound to.
    dpop_jkt: str | None = None

    @classmethod
    def read(
        cls, parameters: Mapping[str, str], metadata: ClientMetadata, redirect_uri: str
    ) -> "AuthorizationRequest":
        """Validate everything but the client and the redirect URI, which `find_target` has proven."""
        sent = Sent(parameters=parameters, metadata=metadata)
        for name, check in CHECKS:
            value = check(sent)
            if name is not None:
                sent.values[name] = value
        return cls(
            redirect_uri=redirect_uri,
            state=parameters.get("state"),
            id_token_hint=parameters.get("id_token_hint"),
            **sent.values,
        )

    @property
    def about_tokens(self) -> dict[str, Any]:
        """Return the values that the code keeps for its tokens."""
        said = {"resources": list(self.resources), "dpop_jkt": self.dpop_jkt}
        return {name: value for name, value in said.items() if value}

    def claims_beyond(self, scopes: Collection[str]) -> tuple[str, ...]:
        """Return the claims asked for by name that these scopes do not cover, in a stable order."""
        names = self.claims.names & _CLAIMS_OF_PEOPLE
        return tuple(sorted(names - names_for(scopes))) if names else ()


def find_target(
    parameters: Mapping[str, str], read: Callable[[str], Client | None] = read_by_client_id
) -> tuple[Client, str]:
    """Return the client and the redirect URI that it registered; without these no error may be redirected.

    `read` finds a client by its client_id.
    """
    if "client_id" not in parameters:
        raise UnknownClient("the parameter client_id is missing")
    found = as_active(read(parameters["client_id"]))
    if found is None:
        raise unknown_client(parameters["client_id"])
    with Concerning(found.client):
        return found.client, _registered_uri(found, parameters.get("redirect_uri"))


def _registered_uri(found: RegisteredClient, asked: str | None) -> str:
    if asked is None:
        raise InvalidRedirectURI("the parameter redirect_uri is missing")
    # core §3.1.2.1: 'MUST exactly match one of the Redirection URI values for the Client pre-registered'.
    if not matches(found.metadata.redirect_uris, asked, native=found.metadata.is_native):
        about = f"{shown(asked)} for the client_id {found.client.client_id}"
        exc = InvalidRedirectURI(f"the redirect_uri is not registered for this app: {about}")
        explain(exc, found.client, refused=shown(asked))
        raise exc
    return asked
