"""The Authorization Endpoint (core §3.1.2): from a request, through the person's answers, to a code."""

from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.endpoints.authorization_case import (
    ADDRESS_PARAMETERS,
    AuthorizationCase,
    case_of,
    case_of_parked,
    send_errors_to_app_if_proven,
    validated_again,
)
from provider.endpoints.description import AUTHORIZATION_PARAMETERS, for_browsers
from provider.grants.consent import consent_of
from provider.grants.queries import find_consent
from provider.grants.subject import subject_for
from provider.infrastructure import clock, event_log
from provider.infrastructure.database import transaction
from provider.interactions import lifecycle as parked
from provider.interactions import queries as interactions
from provider.interactions.models import Interaction, InteractionKind
from provider.oauth.authorization.decision import (
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
from provider.oauth.authorization.degraded_client import why_refused
from provider.oauth.authorization.issue_response import DecisionOutdated, issue_response
from provider.oauth.authorization.request import AuthorizationRequest
from provider.oauth.client_proof.encryption import ID_TOKEN, prepare
from provider.protocol.errors import InvalidRequestURI, TemporarilyUnavailable
from provider.protocol.parameters import (
    MalformedParameter,
    OversizedParameter,
    Parameters,
    RepeatedParameter,
)
from provider.protocol.redirect_uri import is_claimed
from provider.sessions.queries import FoundSession
from provider.web import cookies
from provider.web.authorization_response import respond_to_app
from provider.web.notes import this_request
from provider.web.parameters import read_clear_ones, read_parameters
from provider.web.parking import (
    check_first_answer,
    check_parking_limit,
    sealed_in_address,
    wait_for_sign_in,
)
from provider.web.redirects import redirect_to_handle
from provider.web.route import Route, Speaks

_KIND = InteractionKind.AUTHORIZATION


class AlreadyAnswered(Exception):
    """A parked request has already issued its only code, however often its page is submitted."""


# Between reading and writing, a second tab may join the session, the person may sign out or disconnect the
# app, and the operator may change the app.
_TRIES = 3


def authorize() -> Response:
    """Answer an Authentication Request by GET, or park one that was posted."""
    case = case_of(_read())
    if this_request().method == "GET":
        return _respond(case)
    # A form on another site sends no Lax cookie; a redirect to our own address does (DEC-07).
    check_parking_limit(_KIND, case.to_park)
    with transaction():
        handle = parked.park(
            _KIND, case.to_park, browser=None, answers=case.first_answers, pushed_id=case.pushed_id
        )
    return redirect_to_handle("endpoints.resume_authorize", handle)


def _read() -> Parameters:
    request = this_request()
    try:
        return read_parameters(request)
    except (RepeatedParameter, OversizedParameter, MalformedParameter):
        # rfc6749 §4.1.2.1: the error goes to the app, if its redirect URI is unambiguous.
        send_errors_to_app_if_proven(read_clear_ones(request, ADDRESS_PARAMETERS))
        raise


def resume(handle: str) -> Response:
    """Resume a parked request, in the browser that started it."""
    sealed = sealed_in_address()
    interaction = interactions.find(handle, cookies.browser(), _KIND, sealed=sealed) or _adopt(handle)
    if interaction is None:
        return _explain(handle, sealed)
    return _respond(case_of_parked(interaction, handle))


def _adopt(handle: str) -> Interaction | None:
    """Bind a posted request to the browser that opens it first."""
    interaction = interactions.find_unbound(handle, _KIND)
    if interaction is None:
        return None
    with transaction():
        adopted = parked.adopt(interaction, browser=cookies.bind_browser(), session_id=None)
    return interaction if adopted else None


def _respond(case: AuthorizationCase) -> Response:
    if ID_TOKEN in case.asked.response_type:
        prepare(case.client, ID_TOKEN)
    for _ in range(_TRIES):
        found = case.session
        refused = why_refused(case.client, found)
        decision = Refuse(refused) if refused else _decide(case, found)
        match decision, found:
            case Refuse(error=error), _:
                _close(case)
                raise error
            case Proceed(), FoundSession():
                try:
                    said = _issue(case, decision, found)
                except AlreadyAnswered:
                    return _explain(case.handle)
                if said is not None:
                    return respond_to_app(case.response_address, said)
                case = validated_again(case)
            case NeedSignIn() | NeedConsent(), _:
                return _ask(decision, case, found)
    raise TemporarilyUnavailable("the session changed while the request was processed; try again")


def _explain(handle: str, sealed: str | None = None) -> Response:
    """Redirect to the page that explains an expired, finished or foreign request and offers a way on."""
    return redirect_to_handle("pages.sign_in", handle, sealed=sealed)


def _decide(case: AuthorizationCase, found: FoundSession | None) -> Decision:
    client, asked, interaction = case.client, case.asked, case.interaction
    metadata = client.metadata_
    facts = ClientFacts(
        first_party=client.first_party,
        native=metadata.is_native,
        may_refresh=metadata.may_use_grant_type("refresh_token"),
        identity_is_sure=not metadata.is_native or is_claimed(asked.redirect_uri),
        may_administer=client.may_administer,
    )
    return decide(
        asked,
        facts,
        _person(client, asked, found),
        hinted_sub=case.hinted_sub,
        answers=Answers.of(interaction.answers) if interaction else Answers(),
        now=clock.now(),
    )


def _person(client: Client, asked: AuthorizationRequest, found: FoundSession | None) -> Person | None:
    if found is None:
        return None
    grant = found.grant
    consent = consent_of(grant)
    beyond = asked.claims_beyond(asked.scopes)
    if not client.first_party and not consent.covers(asked.scopes, beyond, resources=asked.servers):
        consent = find_consent(found.account.id, client)
    return Person(
        account_id=str(found.account.id),
        sub=subject_for(found.account, client),
        authenticated_at=found.session.authenticated_at,
        session_id=str(found.session.id),
        consent_state=found.session.consent_state,
        acr=found.session.acr,
        consent=consent,
        has_offline_grant=grant is not None and grant.offline,
    )


def _issue(case: AuthorizationCase, proceed: Proceed, found: FoundSession) -> dict[str, str] | None:
    """Issue the response, or return None if the session changed meanwhile and must be read again."""
    try:
        with transaction():
            said = issue_response(case.asked, proceed, case.client, found)
            _use_up(case)
    except (DecisionOutdated, IntegrityError):
        return None
    event_log.info(
        "authorized",
        client_id=case.client.client_id,
        account_id=found.account.id,
        session_id=found.session.id,
    )
    return said


def _use_up(case: AuthorizationCase) -> None:
    """Finish the parked and the pushed request at the commit; each is answered only once (rfc9126 §7.3)."""
    if case.interaction is not None:
        parked.finish(case.interaction, otherwise=AlreadyAnswered())
    if case.pushed_id is not None:
        used = InvalidRequestURI("the request_uri was already used")
        parked.finish_by_id(case.pushed_id, otherwise=used)


def _ask(need: NeedSignIn | NeedConsent, case: AuthorizationCase, found: FoundSession | None) -> Response:
    """Park the request and redirect the person to the page that asks for what is missing."""
    # Once there is a sign-in newer than this one, the page does not ask again.
    answers: dict[str, object] = {"asked_of": found.session.sign_in if found else None}
    if isinstance(need, NeedConsent):
        # The scopes that would be granted, which may be fewer than those requested.
        answers = {"consent_scope": " ".join(need.scopes), "consent_claims": list(need.claims)}
    page = "pages.consent" if isinstance(need, NeedConsent) else "pages.sign_in"
    if case.interaction is not None:
        return _ask_again(page, case, case.interaction, answers, found)
    answers = case.first_answers | answers
    if found is None and case.pushed_id is None:
        return wait_for_sign_in(_KIND, case.to_park, answers=answers)
    session_id = found.session.id if found else None
    check_parking_limit(_KIND, case.to_park, session_id=session_id)
    with transaction():
        handle = parked.park(
            _KIND,
            case.to_park,
            browser=cookies.bind_browser(),
            session_id=session_id,
            answers=answers,
            pushed_id=case.pushed_id,
        )
    return redirect_to_handle(page, handle)


def _ask_again(
    page: str,
    case: AuthorizationCase,
    waiting: Interaction,
    answers: dict[str, object],
    found: FoundSession | None,
) -> Response:
    """Redirect to a page once more, after noting what has changed since the request was parked."""
    if waiting.answers | answers == waiting.answers:
        return redirect_to_handle(page, case.handle, sealed=waiting.sealed)
    check_first_answer(waiting, session_id=found.session.id if found else None)
    with transaction():
        parked.answer(waiting, **answers)
    return redirect_to_handle(page, case.handle)


def _close(case: AuthorizationCase) -> None:
    """Finish a refused request: a refusal is also a response, and a request gets only one."""
    if case.interaction is None and case.pushed_id is None:
        return
    if case.interaction is not None:
        check_first_answer(case.interaction, session_id=case.session.session.id if case.session else None)
    with transaction():
        if case.interaction is not None:
            parked.finish(case.interaction)
        if case.pushed_id is not None:
            parked.finish_by_id(case.pushed_id)


ROUTES = (
    Route(
        rule="/authorize",
        name="authorize",
        view=authorize,
        methods=("GET", "POST"),
        speaks=Speaks.REDIRECT,
        discovery="authorization_endpoint",
        operations=for_browsers(
            "authorize", "OpenID Connect Core 1.0, 3.1.2.", *AUTHORIZATION_PARAMETERS, "request_uri"
        ),
    ),
    Route(
        rule="/authorize/resume/<handle:handle>",
        name="resume_authorize",
        view=resume,
        speaks=Speaks.REDIRECT,
    ),
)
