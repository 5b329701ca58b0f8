"""The decision about an Authentication Request, as a table: a pure function of what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provider.grants.consent import Consent
from provider.oauth.authorization.decision import (
    Answers,
    ClientFacts,
    NeedConsent,
    NeedSignIn,
    Person,
    Proceed,
    Refuse,
    decide,
)
from provider.oauth.authorization.request import AuthorizationRequest
from provider.protocol.claims_request import ClaimDemand, ClaimsRequest

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA = Person(
    account_id="ada",
    sub="s-ada",
    authenticated_at=NOW - timedelta(minutes=10),
    session_id="adas",
    consent_state="adas 0",
)
JUST_SIGNED_IN = replace(ADA, authenticated_at=NOW)
ASKED = AuthorizationRequest(redirect_uri="https://red.test/callback", scopes=("openid", "email"))
OFFLINE = replace(ASKED, scopes=("openid", "offline_access"))
FIRST = ClientFacts(
    first_party=True, native=False, may_refresh=True, identity_is_sure=True, may_administer=True
)
THIRD = replace(FIRST, first_party=False)
NATIVE = replace(THIRD, native=True, identity_is_sure=False)
OWN_NATIVE = replace(NATIVE, first_party=True)
CLAIMED = replace(NATIVE, identity_is_sure=True)
WAITING = Answers()
SIGNED_IN_FOR_IT = Answers(signed_in="adas")
AGREED = replace(
    WAITING, consented_scope="openid email offline_access", consented_by="ada", consented_in="adas 0"
)
KNOWN = replace(ADA, consent=Consent.to({"openid", "email"}))
BOTH = ("openid", "email")


def asking(
    *prompt: str, of: AuthorizationRequest = ASKED, max_age: int | None = None
) -> AuthorizationRequest:
    return replace(of, prompt=frozenset(prompt), max_age=max_age)


@pytest.mark.spec("core 2, core 3, core 6, rfc9700 1")
@pytest.mark.parametrize(
    ("asked", "client", "person", "answers", "decision"),
    [
        pytest.param(
            ASKED, FIRST, ADA, Answers(), Proceed(BOTH, consented=False), id="a first party gets on"
        ),
        pytest.param(ASKED, FIRST, None, Answers(), NeedSignIn(), id="without a session"),
        pytest.param(asking("none"), FIRST, None, Answers(), "login_required", id="none: without a session"),
        pytest.param(asking("login"), FIRST, ADA, Answers(), NeedSignIn(), id="login asks for a new sign-in"),
        pytest.param(
            asking("login"), FIRST, ADA, WAITING, NeedSignIn(), id="an older sign-in does not count"
        ),
        pytest.param(
            asking("login"),
            FIRST,
            JUST_SIGNED_IN,
            SIGNED_IN_FOR_IT,
            Proceed(BOTH, consented=False),
            id="a newer sign-in does",
        ),
        pytest.param(
            asking("login"),
            FIRST,
            JUST_SIGNED_IN,
            Answers(signed_in="another session"),
            NeedSignIn(),
            id="but not one for another session",
        ),
        pytest.param(
            asking("login"),
            FIRST,
            JUST_SIGNED_IN,
            Answers(),
            NeedSignIn(),
            id="nor one that answered another request",
        ),
        pytest.param(
            asking("login"),
            FIRST,
            ADA,
            SIGNED_IN_FOR_IT,
            Proceed(BOTH, consented=False),
            id="whatever the clocks say",
        ),
        pytest.param(
            asking(max_age=600), FIRST, ADA, Answers(), Proceed(BOTH, consented=False), id="just in time"
        ),
        pytest.param(asking(max_age=599), FIRST, ADA, Answers(), NeedSignIn(), id="a second too old"),
        pytest.param(asking(max_age=0), FIRST, JUST_SIGNED_IN, Answers(), NeedSignIn(), id="max_age 0"),
        pytest.param(
            asking(max_age=0),
            FIRST,
            JUST_SIGNED_IN,
            SIGNED_IN_FOR_IT,
            Proceed(BOTH, consented=False),
            id="max_age 0, done",
        ),
        pytest.param(asking("none", max_age=5), FIRST, ADA, Answers(), "login_required", id="none: too old"),
        pytest.param(ASKED, THIRD, ADA, Answers(), NeedConsent(BOTH), id="a third party is asked about"),
        pytest.param(asking("none"), THIRD, ADA, Answers(), "consent_required", id="none: not asked yet"),
        pytest.param(ASKED, THIRD, KNOWN, Answers(), Proceed(BOTH, consented=True), id="and remembered"),
        pytest.param(ASKED, NATIVE, KNOWN, Answers(), NeedConsent(BOTH), id="SEC-1034: a native one never"),
        pytest.param(ASKED, CLAIMED, KNOWN, Answers(), Proceed(BOTH, consented=True), id="its https URI is"),
        pytest.param(ASKED, OWN_NATIVE, ADA, Answers(), NeedConsent(BOTH), id="own native: a page"),
        pytest.param(asking("none"), OWN_NATIVE, ADA, Answers(), "consent_required", id="none: own native"),
        pytest.param(
            asking("none"),
            replace(OWN_NATIVE, identity_is_sure=True),
            ADA,
            Answers(),
            Proceed(BOTH, consented=False),
            id="none: own native with a claimed https URI",
        ),
        pytest.param(
            ASKED,
            OWN_NATIVE,
            ADA,
            SIGNED_IN_FOR_IT,
            Proceed(BOTH, consented=False),
            id="own native: the sign-in page was one",
        ),
        pytest.param(asking("select_account"), FIRST, ADA, Answers(), NeedSignIn(), id="another account"),
        pytest.param(
            asking("select_account", "consent"), FIRST, ADA, WAITING, NeedSignIn(), id="first who, then what"
        ),
        pytest.param(
            asking("select_account", "login", "consent"),
            FIRST,
            JUST_SIGNED_IN,
            SIGNED_IN_FOR_IT,
            NeedConsent(BOTH),
            id="all three",
        ),
        pytest.param(asking("consent"), THIRD, KNOWN, Answers(), NeedConsent(BOTH), id="consent asks again"),
        pytest.param(asking("consent"), FIRST, ADA, Answers(), NeedConsent(BOTH), id="of first parties too"),
        pytest.param(
            asking("consent"), FIRST, ADA, AGREED, Proceed(BOTH, consented=True), id="until it was answered"
        ),
        pytest.param(
            ASKED,
            THIRD,
            ADA,
            replace(AGREED, consented_by="ben"),
            NeedConsent(BOTH),
            id="another person's consent is none",
        ),
        pytest.param(
            ASKED,
            THIRD,
            replace(ADA, consent_state="adas 1"),
            AGREED,
            NeedConsent(BOTH),
            id="consent that was taken back since is none",
        ),
        pytest.param(
            ASKED,
            THIRD,
            ADA,
            replace(AGREED, consented_scope="openid"),
            Proceed(("openid",), consented=True),
            id="a person may allow less",
        ),
        pytest.param(ASKED, THIRD, ADA, replace(WAITING, denied=True), "access_denied", id="or nothing"),
        pytest.param(
            OFFLINE, FIRST, ADA, Answers(), Proceed(("openid",), consented=False), id="offline is dropped"
        ),
        pytest.param(
            OFFLINE,
            FIRST,
            replace(ADA, has_offline_grant=True),
            Answers(),
            Proceed(OFFLINE.scopes, consented=False),
            id="offline is kept where it was given",
        ),
        pytest.param(
            asking("consent", of=OFFLINE),
            FIRST,
            ADA,
            AGREED,
            Proceed(OFFLINE.scopes, consented=True),
            id="offline with prompt consent",
        ),
        pytest.param(
            asking("consent", of=OFFLINE),
            replace(FIRST, may_refresh=False),
            ADA,
            AGREED,
            Proceed(("openid",), consented=True),
            id="offline is nothing without refresh tokens",
        ),
        pytest.param(
            OFFLINE, NATIVE, ADA, Answers(), NeedConsent(OFFLINE.scopes), id="a native app may ask for it"
        ),
    ],
)
def test_decision(asked, client, person, answers, decision):
    decided = decide(asked, client, person, hinted_sub=None, answers=answers, now=NOW)

    assert (decided.error.error if isinstance(decided, Refuse) else decided) == decision


@pytest.mark.parametrize(
    ("prompt", "person", "answers", "decision"),
    [
        pytest.param((), ADA, Answers(), NeedSignIn(), id="another person is signed in"),
        pytest.param(("none",), ADA, Answers(), "login_required", id="none: another person is signed in"),
        pytest.param(
            (), JUST_SIGNED_IN, SIGNED_IN_FOR_IT, "login_required", id="another person has signed in now"
        ),
    ],
)
def test_a_hint_names_another_person(prompt, person, answers, decision):
    by_claim = ClaimsRequest(userinfo={}, id_token={"sub": ClaimDemand(values=("s-ben",))})
    asked = asking(*prompt)
    for decided in (
        decide(asked, FIRST, person, hinted_sub="s-ben", answers=answers, now=NOW),
        decide(replace(asked, claims=by_claim), FIRST, person, hinted_sub=None, answers=answers, now=NOW),
    ):
        assert (decided.error.error if isinstance(decided, Refuse) else decided) == decision
