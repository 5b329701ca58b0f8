"""The decision about an Authentication Request, as a pure function of the request and the known facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from provider.grants.consent import Consent
from provider.oauth.authorization.request import AuthorizationRequest
from provider.protocol.acr import ACR_VALUES
from provider.protocol.errors import (
    AccessDenied,
    ConsentRequired,
    InvalidScope,
    LoginRequired,
    ProtocolError,
    UnmetAuthenticationRequirements,
)
from provider.protocol.response_type import CODE
from provider.protocol.scopes import ACCOUNT, ADMIN_SCOPES, OFFLINE_ACCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The facts about the session of this browser that the decision needs."""

    account_id: str
    # The person's subject identifier at this client.
    sub: str
    authenticated_at: datetime
    session_id: str = ""
    consent_state: str = ""
    acr: str | None = None
    # Earlier consent of the person, and whether the grant of this session is an offline one.
    consent: Consent = Consent()  # noqa: RUF009 – an immutable value.
    has_offline_grant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFacts:
    """The facts about the client that the decision needs."""

    first_party: bool
    native: bool
    may_refresh: bool
    # Whether the response can only reach this app, so that a request may proceed without showing a page.
    identity_is_sure: bool
    # Whether it may be given permissions of administration.
    may_administer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The person's answers since the request was parked."""

    # The session of a sign-in for this very request.
    signed_in: str | None = None
    denied: bool = False
    # The scopes agreed to on the consent page, and by whom.
    consented_scope: str | None = None
    consented_claims: frozenset[str] = frozenset()
    consented_by: str | None = None
    # The consent state of the session at that time, which changes when consent is withdrawn.
    consented_in: str | None = None

    @classmethod
    def of(cls, answers: Mapping[str, Any]) -> "Answers":
        """Read the answers of a parked request."""
        return cls(
            signed_in=answers.get("signed_in"),
            denied=bool(answers.get("denied")),
            consented_scope=answers.get("consented_scope"),
            consented_claims=frozenset(answers.get("consented_claims", ())),
            consented_by=answers.get("consented_by"),
            consented_in=answers.get("consented_in"),
        )


@dataclass(frozen=True, slots=True)
class Proceed:
    """Issue a code for these scopes, and these claims beyond them."""

    scopes: tuple[str, ...]
    consented: bool
    claims: tuple[str, ...] = ()

    @property
    def offline(self) -> bool:
        """Whether the grant outlives the session."""
        return OFFLINE_ACCESS in self.scopes


@dataclass(frozen=True, slots=True)
class NeedSignIn:
    """The person has to sign in, for the first time or again."""


@dataclass(frozen=True, slots=True)
class NeedConsent:
    """The person has to decide whether the client may have these scopes and these additional claims."""

    scopes: tuple[str, ...]
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer the client with an error."""

    error: ProtocolError = field(compare=False)


Decision = Proceed | NeedSignIn | NeedConsent | Refuse


def decide(
    asked: AuthorizationRequest,
    client: ClientFacts,
    person: Person | None,
    *,
    hinted_sub: str | None,
    answers: Answers,
    now: datetime,
) -> Decision:
    """Decide what comes next. With prompt=none whatever needs a page is an error (core §3.1.2.1)."""
    decision = _decide(asked, client, person, hinted_sub=hinted_sub, answers=answers, now=now)
    if "none" not in asked.prompt:
        return decision
    match decision:
        case NeedSignIn():
            return Refuse(LoginRequired("the person is not signed in as the request requires"))
        case NeedConsent():
            return Refuse(ConsentRequired("the person has not consented to this request"))
    return decision


def _decide(
    asked: AuthorizationRequest,
    client: ClientFacts,
    person: Person | None,
    *,
    hinted_sub: str | None,
    answers: Answers,
    now: datetime,
) -> Decision:
    # This scope lets a client sign the person out everywhere, so it is only for the operator's own apps and
    # for apps on the person's device.
    if ACCOUNT in asked.scopes and not (client.first_party or client.native):
        return Refuse(InvalidScope(f"the scope {ACCOUNT} is for first-party and native apps"))
    if not client.may_administer and {*ADMIN_SCOPES} & {*asked.scopes}:
        return Refuse(InvalidScope("scopes of administration are for clients that the operator registered"))
    demanded = asked.claims.required_acr
    # core §5.5.1.1: it is 'a failed authentication attempt', and no sign-in here could repair it.
    if demanded and demanded.isdisjoint(ACR_VALUES):
        return Refuse(UnmetAuthenticationRequirements("none of the requested acr values is supported"))
    if answers.denied:
        return Refuse(AccessDenied("the person denied the request"))
    if person is None:
        return NeedSignIn()
    signed_in_for_this = _signed_in_for_this(person, answers)
    if not signed_in_for_this and _must_sign_in_again(asked, person, now):
        return NeedSignIn()
    if _is_another_person(asked, person, hinted_sub):
        # core §3.1.2.1: 'otherwise, it SHOULD return an error, such as login_required'.
        return (
            Refuse(LoginRequired("a different person signed in than the one requested"))
            if signed_in_for_this
            else NeedSignIn()
        )
    return _decide_about_scopes(asked, client, person, answers)


def _signed_in_for_this(person: Person, answers: Answers) -> bool:
    """Return whether the sign-in page was answered for this request.

    Sessions are compared by identity and not by time: the clocks of two servers differ, and one may be set
    back.
    """
    return answers.signed_in is not None and answers.signed_in == person.session_id


def _is_another_person(asked: AuthorizationRequest, person: Person, hinted_sub: str | None) -> bool:
    named = asked.claims.subjects
    return hinted_sub not in (None, person.sub) or bool(named and person.sub not in named)


def _must_sign_in_again(asked: AuthorizationRequest, person: Person, now: datetime) -> bool:
    # A browser has one account at a time here, so choosing another means signing in.
    if asked.prompt & {"login", "select_account"}:
        return True
    if asked.claims.required_acr and person.acr not in asked.claims.required_acr:
        return True
    if asked.max_age is None:
        return False
    # core §3.1.2.1: 'max_age=0' is the same as prompt=login, however quick the person was.
    return asked.max_age == 0 or now - person.authenticated_at > timedelta(seconds=asked.max_age)


def _decide_about_scopes(
    asked: AuthorizationRequest, client: ClientFacts, person: Person, answers: Answers
) -> Decision:
    wanted = _without_idle_offline_access(asked, client, person)
    if not wanted:
        # A token without any scope would be of no use, and its client could not see why (rfc6749 §3.3).
        return Refuse(
            InvalidScope(
                f"no requested scope is left: {OFFLINE_ACCESS} needs prompt=consent, a code and the grant "
                "type refresh_token"
            )
        )
    beyond = asked.claims_beyond(wanted)
    if answers.consented_scope is not None and _is_answer_of(person, answers):
        agreed = answers.consented_scope.split()
        scopes = tuple(scope for scope in wanted if scope in agreed)
        claims = tuple(claim for claim in beyond if claim in answers.consented_claims)
        return Proceed(scopes, consented=True, claims=claims)
    if "consent" in asked.prompt:
        return NeedConsent(wanted, beyond)
    # rfc8252 §8.6: 'SHOULD NOT process authorization requests automatically without user consent or
    # interaction' where the client's identity is not assured; the sign-in page is such an interaction.
    # A person must consent to administration scopes, even for the operator's own app.
    skips_consent = client.first_party and not {*ADMIN_SCOPES} & {*wanted}
    if skips_consent and (client.identity_is_sure or _signed_in_for_this(person, answers)):
        return Proceed(wanted, consented=False, claims=beyond)
    # SEC-1034: consent to such a client is not remembered either.
    if not client.identity_is_sure or not person.consent.covers(wanted, beyond, resources=asked.servers):
        return NeedConsent(wanted, beyond)
    return Proceed(wanted, consented=True, claims=beyond)


def _is_answer_of(person: Person, answers: Answers) -> bool:
    """Return whether this person gave the answer and has withdrawn no consent since.

    Two people may use one browser in turn, and disconnecting an app in another browser counts as well.
    """
    return answers.consented_by == person.account_id and answers.consented_in == person.consent_state


def _without_idle_offline_access(
    asked: AuthorizationRequest, client: ClientFacts, person: Person
) -> tuple[str, ...]:
    """Drop offline_access where its conditions do not hold.

    core §11: 'MUST ignore the offline_access request' without prompt=consent 'unless other conditions
    for processing the request … are in place': the grant is an offline one already, or the app is
    a native one, which has no session of its own to lean on.
    """
    may_be_offline = (
        client.may_refresh
        # core §11: it is ignored 'unless the Client is using a response_type value that would result in'
        # a code being returned.
        and CODE in asked.response_type
        and ("consent" in asked.prompt or client.native or person.has_offline_grant)
    )
    return tuple(scope for scope in asked.scopes if scope != OFFLINE_ACCESS or may_be_offline)
