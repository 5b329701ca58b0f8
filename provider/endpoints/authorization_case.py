"""A validated authorization request, and the part of it that is parked while the person answers."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from provider.clients.models import Client
from provider.clients.unchecked import unchecked_host
from provider.infrastructure import current
from provider.interactions.models import Interaction
from provider.oauth.authorization.id_token_hint import HINTED_SUB, hinted_sub
from provider.oauth.authorization.parameters import to_park
from provider.oauth.authorization.pushed_request import check_usable, find_request, is_ours
from provider.oauth.authorization.request import AuthorizationRequest, find_target
from provider.oauth.authorization.request_object import check_signed, has_object, unpacked
from provider.oauth.client_proof.encryption import AUTHORIZATION, prepare
from provider.oauth.client_proof.refusals import Concerning
from provider.protocol.errors import InvalidRequest, ProtocolError, TooManyRequests
from provider.protocol.response_type import response_mode_for
from provider.sessions.queries import FoundSession, read_client_with_session
from provider.web import cookies, network_limits
from provider.web.authorization_response import ResponseAddress
from provider.web.errors import send_errors_to
from provider.web.i18n import speak
from provider.web.op_browser_state import session_state_parameter

_PUSHED = "pushed"
# The parameters that decide where a response goes and how.
ADDRESS_PARAMETERS = frozenset({"client_id", "redirect_uri", "response_type", "response_mode", "state"})
# Each causes a request to a client's address before anything is proven.
_FETCHES = "600 per minute"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCase:
    """A valid request, and the interaction in which it waits."""

    client: Client
    asked: AuthorizationRequest
    response_address: ResponseAddress
    # The parameters that apply, from the query, a pushed request or a request object.
    parameters: Mapping[str, str]
    # Collects the person's answers once the request is parked; next to it, its handle.
    interaction: Interaction | None = None
    handle: str = ""
    # The subject of the verified `id_token_hint`.
    hinted_sub: str | None = None
    # The live session of this browser, read with the client.
    session: FoundSession | None = None
    # The pushed request, which is used up together with the parked request.
    pushed_id: UUID | None = None

    @property
    def to_park(self) -> dict[str, str]:
        """The known parameters, to be parked; none for a pushed request, which holds them itself."""
        return {} if self.pushed_id else to_park(self.parameters)

    @property
    def first_answers(self) -> dict[str, Any]:
        """The answers that are known before the person has answered."""
        return {HINTED_SUB: self.hinted_sub} if self.hinted_sub else {}


def case_of(sent: Mapping[str, str]) -> AuthorizationCase:
    """Read and validate a request as it was sent. From here on errors are sent to the app."""
    if is_ours(sent.get("request_uri", "")):
        return _pushed_case(sent)
    case = _validated(_from_object(sent) if has_object(sent) else sent)
    check_signed(sent, case.client.metadata_)
    # rfc9126 §5, §6: the server or the client may require pushed requests.
    if (
        current.settings().require_pushed_authorization_requests
        or case.client.metadata_.require_pushed_authorization_requests
    ):
        raise InvalidRequest("the request must be pushed to the provider first")
    return case


def case_of_parked(interaction: Interaction, handle: str) -> AuthorizationCase:
    """Resume a parked request; it is validated again, because its client may have changed."""
    # The previous release kept the pushed request's id in the answers and copied its parameters.
    noted = interaction.answers.get(_PUSHED)
    return replace(
        _validated(interaction.request, interaction.answers.get(HINTED_SUB)),
        interaction=interaction,
        handle=handle,
        pushed_id=UUID(noted) if noted else interaction.pushed_id,
    )


def validated_again(case: AuthorizationCase) -> AuthorizationCase:
    """Validate a request again, because its client may have changed."""
    again = _validated(case.parameters, case.hinted_sub)
    return replace(again, interaction=case.interaction, handle=case.handle, pushed_id=case.pushed_id)


def send_errors_to_app_if_proven(clear: Mapping[str, str]) -> None:
    """Send errors to the app from now on, if client and redirect URI are unambiguous."""
    if "redirect_uri" not in clear:
        return
    with suppress(ProtocolError):
        client, redirect_uri = find_target(clear)
        send_errors_to(_response_address(clear, client, redirect_uri))


def _pushed_case(sent: Mapping[str, str]) -> AuthorizationCase:
    """Return the case of a pushed request; rfc9126 §4: only client_id and request_uri are read."""
    pushed = find_request(sent["request_uri"], client_id=sent.get("client_id"))
    case = _validated(pushed.parameters, pushed.answers.get(HINTED_SUB))
    check_usable(pushed)
    return replace(case, pushed_id=pushed.id)


def _from_object(sent: Mapping[str, str]) -> Mapping[str, str]:
    """Return a request object's parameters; errors in it are sent to the redirect URI next to it."""
    send_errors_to_app_if_proven(sent)
    if "request_uri" in sent and not network_limits.hit(_FETCHES, "request-uri"):
        raise TooManyRequests("too many request objects were fetched; retry later")
    return unpacked(sent)


def _validated(parameters: Mapping[str, str], known_sub: str | None = None) -> AuthorizationCase:
    """Return the case of these parameters; `known_sub` is the subject of an already verified hint."""
    read = _ClientAndSession(cookies.session_handle())
    client, redirect_uri = find_target(parameters, read)
    # Every page from here on is in the app's language, including the form that posts the response.
    speak(parameters.get("ui_locales", ""))
    to = _response_address(parameters, client, redirect_uri)
    if to.response_mode.signed:
        prepare(client, AUTHORIZATION)
    send_errors_to(to)
    with Concerning(client):
        asked = AuthorizationRequest.read(parameters, client.metadata_, redirect_uri)
    return AuthorizationCase(
        client=client,
        asked=asked,
        response_address=to,
        parameters=parameters,
        hinted_sub=known_sub or hinted_sub(asked, client),
        session=read.session,
    )


class _ClientAndSession:
    """Reads a client together with the session of this browser, in one statement."""

    def __init__(self, handle: str | None) -> None:
        self._handle = handle
        self.session: FoundSession | None = None

    def __call__(self, client_id: str) -> Client | None:
        """Return the client; the session is kept."""
        read = read_client_with_session(client_id, self._handle)
        if read is None:
            return None
        client, self.session = read
        return client


def _response_address(parameters: Mapping[str, str], client: Client, redirect_uri: str) -> ResponseAddress:
    return ResponseAddress(
        redirect_uri=redirect_uri,
        client_id=client.client_id,
        response_mode=response_mode_for(parameters, always_signed=client.metadata_.has_signed_responses),
        signature=client.metadata_.signature_of_responses,
        recipient=client,
        state=parameters.get("state"),
        app_name=client.display_name,
        unchecked_host=unchecked_host(client, redirect_uri),
        # session §2: the state 'SHOULD be returned upon an authentication failure' too.
        always=session_state_parameter(client.client_id, redirect_uri),
    )
