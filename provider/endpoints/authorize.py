"""The Authorization Endpoint (core §3.1.2): from a request, by way of a person's answers, to a code."""

from collections.abc import Mapping

from flask import redirect, request
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.grants.queries import find_consented_scopes
from provider.grants.subject import subject_for
from provider.infrastructure import clock, event_log
from provider.infrastructure.database import end_read, transaction
from provider.interactions import answer as answering
from provider.interactions import queries as interactions
from provider.interactions.models import Interaction, InteractionKind
from provider.interactions.park import park
from provider.keys import jwt
from provider.oauth.authorization_request import KNOWN_PARAMETERS, AuthorizationRequest, find_target
from provider.oauth.decision import (
    Answers,
    ClientFacts,
    Decision,
    NeedConsent,
    NeedSignIn,
    Person,
    Proceed,
    Refuse,
    decide,
)
from provider.oauth.issue_answer import SessionEnded, issue_answer
from provider.protocol.errors import InvalidRequest, TemporarilyUnavailable
from provider.protocol.response_type import answering_mode
from provider.sessions.queries import FoundSession, find_with_client
from provider.web import cookies
from provider.web.authorization_response import AnswerAddress, answer_app
from provider.web.errors import answer_errors_at
from provider.web.op_browser_state import session_state_parameter
from provider.web.parameters import read_parameters

_KIND = InteractionKind.AUTHORIZATION


class AnsweredBefore(Exception):
    """A parked request has given its code already; it gives one, however often its page is sent."""


# A second tab may join the session, or somebody may sign out, between our look and our write.
_TRIES = 3


def authorize() -> Response:
    """Answer an Authentication Request by GET, or park one that was posted."""
    parameters = read_parameters(request)
    client, asked = _validate(parameters)
    if request.method == "GET":
        return _answer(parameters, client, asked, None, "")
    # A form on another site carries no Lax cookie: only our own address shows us the session (DEC-07).
    with transaction():
        handle = park(_KIND, _to_park(parameters), browser=None)
    return redirect(f"/authorize/resume/{handle}", 303)


def resume(handle: str) -> Response:
    """Go on with a parked request, in the browser that began it."""
    interaction = interactions.find(handle, cookies.browser(), _KIND) or _adopt(handle)
    if interaction is None:
        return _explain(handle)
    client, asked = _validate(interaction.parameters)
    return _answer(interaction.parameters, client, asked, interaction, handle)


def _validate(parameters: Mapping[str, str]) -> tuple[Client, AuthorizationRequest]:
    client, redirect_uri = find_target(parameters)
    answer_errors_at(_answer_address(parameters, client, redirect_uri))
    return client, AuthorizationRequest.read(parameters, client.metadata_, redirect_uri)


def _answer_address(parameters: Mapping[str, str], client: Client, redirect_uri: str) -> AnswerAddress:
    return AnswerAddress(
        redirect_uri=redirect_uri,
        response_mode=answering_mode(parameters),
        state=parameters.get("state"),
        app_name=client.display_name,
        # session §2: the state 'SHOULD be returned upon an authentication failure' too.
        told=session_state_parameter(client.client_id, redirect_uri),
    )


def _adopt(handle: str) -> Interaction | None:
    """Bind a posted request to the browser that opens it first."""
    interaction = interactions.find_unbound(handle, _KIND)
    if interaction is None:
        return None
    with transaction():
        adopted = answering.adopt(interaction, browser=cookies.bind_browser(), session_id=None)
    return interaction if adopted else None


def _answer(
    parameters: Mapping[str, str],
    client: Client,
    asked: AuthorizationRequest,
    interaction: Interaction | None,
    handle: str,
) -> Response:
    for _ in range(_TRIES):
        found = _find_session(client)
        decision = _decide(client, asked, found, interaction)
        match decision, found:
            case Refuse(error=error), _:
                _close(interaction)
                raise error
            case Proceed(), FoundSession():
                try:
                    said = _issue(asked, decision, client, found, interaction)
                except AnsweredBefore:
                    return _explain(handle)
                if said is not None:
                    return answer_app(_answer_address(parameters, client, asked.redirect_uri), said)
            case NeedSignIn() | NeedConsent(), _:
                return _ask(decision, parameters, found, interaction, handle)
    raise TemporarilyUnavailable("the session changed while the request was answered; try again")


def _explain(handle: str) -> Response:
    """Lead to the page that explains an expired, finished or foreign request, and offers a way on."""
    return redirect(f"/sign-in/{handle}", 303)


def _find_session(client: Client) -> FoundSession | None:
    handle = cookies.session_handle()
    return find_with_client(handle, client) if handle else None


def _decide(
    client: Client, asked: AuthorizationRequest, found: FoundSession | None, interaction: Interaction | None
) -> Decision:
    metadata = client.metadata_
    facts = ClientFacts(
        first_party=client.first_party,
        native=metadata.is_native,
        may_refresh=metadata.may_use_grant_type("refresh_token"),
    )
    return decide(
        asked,
        facts,
        _person(client, asked, found),
        hinted_sub=_hinted_sub(asked, client),
        answers=Answers.of(interaction.created_at, interaction.answers) if interaction else Answers(),
        now=clock.now(),
    )


def _person(client: Client, asked: AuthorizationRequest, found: FoundSession | None) -> Person | None:
    if found is None:
        return None
    grant = found.grant
    consented = grant.scopes if grant and grant.consented else frozenset()
    if not client.first_party and not consented.issuperset(asked.scopes):
        consented |= find_consented_scopes(found.account.id, client)
    return Person(
        account_id=str(found.account.id),
        sub=subject_for(found.account, client),
        authenticated_at=found.session.authenticated_at,
        consented_scopes=consented,
        has_offline_grant=grant is not None and grant.offline,
    )


def _hinted_sub(asked: AuthorizationRequest, client: Client) -> str | None:
    """Return whom an ID Token of ours names; core §3.1.2.1: an expired one is as good a hint."""
    if asked.id_token_hint is None:
        return None
    try:
        claims = jwt.verify_own(
            jwt.UnverifiedJWT(asked.id_token_hint),
            typ=frozenset({jwt.ID_TOKEN_TYP}),
            audience=client.client_id,
            require=("sub", "sid", "exp", "iat"),
            allow_expired=True,
            for_hint=True,
        )
    except jwt.InvalidJWT as exc:
        raise InvalidRequest("id_token_hint is no ID Token of this client", detail=str(exc)) from exc
    return str(claims["sub"])


def _issue(
    asked: AuthorizationRequest,
    proceed: Proceed,
    client: Client,
    found: FoundSession,
    interaction: Interaction | None,
) -> dict[str, str] | None:
    """Issue what was asked for; None when the session changed meanwhile and all must be looked at again."""
    end_read()
    try:
        with transaction():
            if interaction is not None and not answering.finish(interaction):
                raise AnsweredBefore
            said = issue_answer(asked, proceed, client, found)
    except (SessionEnded, IntegrityError):
        return None
    event_log.info(
        "authorized", client_id=client.client_id, account_id=found.account.id, session_id=found.session.id
    )
    return said


def _ask(
    need: NeedSignIn | NeedConsent,
    parameters: Mapping[str, str],
    found: FoundSession | None,
    interaction: Interaction | None,
    handle: str,
) -> Response:
    """Send the person to the page that asks what is needed; the request waits for the answer."""
    answers: dict[str, object] = {}
    if isinstance(need, NeedConsent):
        # What would really be granted, which may be less than what was asked for.
        answers = {"consent_scope": " ".join(need.scopes)}
    with transaction():
        if interaction is None:
            handle = park(
                _KIND,
                _to_park(parameters),
                browser=cookies.bind_browser(),
                session_id=found.session.id if found else None,
                answers=answers,
            )
        elif answers:
            answering.answer(interaction, **answers)
    page = "consent" if isinstance(need, NeedConsent) else "sign-in"
    return redirect(f"/{page}/{handle}", 303)


def _close(interaction: Interaction | None) -> None:
    if interaction is not None:
        with transaction():
            answering.finish(interaction)


def _to_park(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name in KNOWN_PARAMETERS}
